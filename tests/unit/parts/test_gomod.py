"""The module that builds Kubernetes commands."""

from __future__ import annotations

import pytest

from clusters.parts.golang import own_flags
from clusters.parts.gomod import linker_flags, render_go_mod, staging_version

LINE = """module k8s.io/kubernetes

go 1.26.0

godebug default=go1.26

require (
	github.com/foo/bar v1.0.0
	k8s.io/api v0.0.0
	k8s.io/klog/v2 v2.130.1
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kube-proxy => ./staging/src/k8s.io/kube-proxy
)
"""
BLOCK = """module k8s.io/kubernetes

go 1.23.0

godebug (
	default=go1.23
	winsymlink=0
)

require k8s.io/cri-api v0.0.0 // indirect

replace k8s.io/api => ./staging/src/k8s.io/api
"""


def test_go_and_godebug_lines_are_taken_over() -> None:
    """Both decide how the runtime behaves, so a build must not lose them."""
    text = render_go_mod(LINE, "v1.37.2")
    assert "\ngo 1.26.0\n" in text
    assert "\ngodebug default=go1.26\n" in text
    assert "\nrequire k8s.io/kubernetes v1.37.2\n" in text


def test_a_godebug_block_is_taken_whole() -> None:
    """Releases differ in how they write it."""
    text = render_go_mod(BLOCK, "v1.32.0")
    assert "godebug (\n\tdefault=go1.23\n\twinsymlink=0\n)\n" in text


def test_staging_modules_are_replaced_by_their_published_version() -> None:
    """Replaced and unversioned ones alike; modules with a version of their own stay."""
    text = render_go_mod(LINE, "v1.37.2")
    assert "\tk8s.io/api => k8s.io/api v0.37.2\n" in text
    assert "\tk8s.io/kube-proxy => k8s.io/kube-proxy v0.37.2\n" in text
    assert "klog" not in text
    assert "./staging" not in text
    other = render_go_mod(BLOCK, "v1.32.0")
    assert "\tk8s.io/cri-api => k8s.io/cri-api v0.32.0\n" in other
    assert "\tk8s.io/api => k8s.io/api v0.32.0\n" in other


def test_a_copy_takes_the_place_of_the_source() -> None:
    """Only when asked for: an ordinary build uses the published module."""
    assert "k8s.io/kubernetes => ./copy\n" in render_go_mod(LINE, "v1.37.2", copy="./copy")
    assert "k8s.io/kubernetes =>" not in render_go_mod(LINE, "v1.37.2")


def test_a_prerelease_keeps_its_suffix() -> None:
    """v1.38.0-rc.1 was built from staging v0.38.0-rc.1."""
    assert staging_version("v1.38.0-rc.1") == "v0.38.0-rc.1"


def test_the_binary_is_told_its_version() -> None:
    """`--version` must say what was asked for."""
    flags = linker_flags("v1.34.4")
    assert "version.gitVersion=v1.34.4 " in flags
    assert "version.gitMinor=34 " in flags


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("-mod=vendor -p=2 -buildvcs=false", "-p=2"),
        ("--trimpath -modcacherw", "-modcacherw"),
        ("'-ldflags=-s -w' -x", "-x"),
    ],
)
def test_goflags_of_the_user_stay_unless_they_are_ours(given: str, kept: str) -> None:
    """A vendoring project's GOFLAGS must not break the build; others are respected."""
    assert own_flags(given) == kept
