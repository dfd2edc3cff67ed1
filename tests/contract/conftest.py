"""The clusters that the contract is asked of, each with how to see what it left behind."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters import providers
from clusters.fake import FakeCluster
from clusters.parts import versions
from clusters.parts.progress import Recorder as Silent
from clusters.protocol import ProxySpec
from fixtures import testbed
from fixtures.plugin import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.protocol import Cluster
    from fixtures.options import Options

NODES = 2


@dataclass(frozen=True)
class Provider:
    """How to make a cluster of `NODES` nodes, what its nodes run, and a spec to change to."""

    name: str
    make: Callable[[Path], Cluster]


def make_fake(_logs: Path) -> Cluster:
    """Make a cluster that needs nothing."""
    return FakeCluster([ProxySpec(Path("/no/kube-proxy"), "iptables")] * NODES)


def kubeconfig() -> Path:
    """Return that of a cluster that is there; skips where none is given."""
    given = os.environ.get("PROXYPROOF_KUBECONFIG")
    if not given:
        pytest.skip("PROXYPROOF_KUBECONFIG is not set: existing needs a cluster that is there")
    return Path(given)


@pytest.fixture(scope="session", params=["fake", "embedded", "kind", "existing"])
def provider(request: pytest.FixtureRequest) -> Provider:
    """Give a provider: the fake always, others if PROXYPROOF_E2E=1 or a kubeconfig allows it.

    A real cluster moves this process into its network for good, so the end-to-end tests run each in
    a process of its own.
    """
    if request.param == "fake":
        return Provider("fake", make_fake)
    if request.param == "existing":
        return _real("existing", _options_of_existing(request.config.stash[OPTIONS]))
    if os.environ.get("PROXYPROOF_E2E") != "1":
        pytest.skip(f"PROXYPROOF_E2E=1 is not set: {request.param} needs a kernel and binaries")
    options = replace(request.config.stash[OPTIONS], nodes=NODES, provider=request.param)
    if request.param == "kind":
        options = replace(options, build=versions.DEFAULT_KIND, control_plane=versions.DEFAULT_KIND)
    return _real(request.param, options)


def _options_of_existing(options: Options) -> Options:
    asked = replace(
        options,
        provider="existing",
        kubeconfig=kubeconfig(),
        build="",
        agent_image=os.environ.get("PROXYPROOF_AGENT_IMAGE", ""),
        allow_disruption=True,
    )
    wanted = replace(testbed.request_of(asked), mode="")
    return replace(asked, mode=providers.find("existing").outlook(wanted).mode)


def _real(name: str, options: Options) -> Provider:
    parts = testbed.get_parts(options, Silent())
    return Provider(
        name, lambda logs: testbed.bring_up(options, parts, logs, lambda _text: None).cluster
    )


@pytest.fixture(scope="session")
def cluster(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Lend a cluster that the tests share; those that change it put it back."""
    made = provider.make(tmp_path_factory.mktemp("logs"))
    yield made
    made.close()
