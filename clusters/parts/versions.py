"""Which Kubernetes versions there are, and which one the user means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.parts.golang import go_env, go_tool
from clusters.parts.gomod import MODULE
from clusters.parts.memo import Memo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.parts.workshop import Workshop

DEFAULT_CONTROL_PLANE = "v1.37.2"
"""The version of kube-proxy, kube-apiserver and kube-controller-manager when none is asked for."""

DEFAULT_KIND = "v1.34.4"
"""The newest Kubernetes whose kubelet takes cgroup v1 and Debian 12's containerd 1.6 as they are.

From 1.35 on the kubelet refuses cgroup v1 unless told otherwise (KEP-5573).
"""

_FULL = re.compile(r"^v?1\.(\d+)\.(\d+)(-(?:alpha|beta|rc)\.\d+)?$")
_MINOR = re.compile(r"^v?1\.(\d+)$")
_FRESH_SECONDS = 86400.0


def is_version(text: str) -> bool:
    """Whether the text is meant as a version, such as "v1.34.4", "1.34.4" or "v1.34"."""
    return bool(_FULL.match(text) or _MINOR.match(text))


def normalise(text: str) -> str:
    """Return the full version with its leading v; raises ConfigError for anything else."""
    if not _FULL.match(text):
        raise ConfigError(f"{text!r} is not a Kubernetes version such as v1.34.4")
    return "v" + text.removeprefix("v")


def newest_patch(minor: str, versions: Sequence[str]) -> str:
    """Return the newest release of "1.34", no alpha, beta or rc; raises ConfigError."""
    wanted = minor.removeprefix("v") + "."
    patches = [
        (int(match.group(2)), version)
        for version in versions
        if (match := _FULL.match(version))
        and not match.group(3)
        and version.removeprefix("v").startswith(wanted)
    ]
    if not patches:
        raise ConfigError(f"there is no Kubernetes {minor}; {describe(versions)}")
    return max(patches)[1]


def describe(versions: Sequence[str], minor: str = "") -> str:
    """One line of what there is: the patches of a minor, else the newest patch of each minor."""
    newest: dict[int, tuple[int, str]] = {}
    of_minor = []
    for version in versions:
        match = _FULL.match(version)
        if not match or match.group(3):
            continue
        if minor and version.removeprefix("v").startswith(minor.removeprefix("v") + "."):
            of_minor.append(version)
        pair = (int(match.group(2)), version)
        newest[int(match.group(1))] = max(pair, newest.get(int(match.group(1)), pair))
    if of_minor:
        return "available: " + ", ".join(of_minor)
    shown = [newest[number][1] for number in sorted(newest)]
    return "newest of each minor: " + ", ".join(shown[-12:]) if shown else "no version is known"


def available(workshop: Workshop) -> list[str]:
    """All published versions, asked at most once a day.

    Raises TestbedError when the list cannot be had and none was ever kept.
    """
    memo = Memo(workshop.cache, "versions")
    fresh = memo.get(MODULE, _FRESH_SECONDS)
    if fresh is not None:
        return list(fresh)
    argv = [go_tool(), "list", "-m", "-versions", MODULE]
    try:
        said = workshop.commands.output(argv, cwd=workshop.cache.root, env=go_env()).split()[1:]
    except TestbedError:
        kept = memo.get(MODULE)
        if kept is None:
            raise
        return list(kept)
    memo.put(MODULE, said)
    return said


def resolve(workshop: Workshop, text: str) -> str:
    """Return the full version of "v1.34", "1.34.4" and the like.

    A full version is taken at its word: whether it exists turns out when it is fetched.
    """
    if _MINOR.match(text):
        return newest_patch(text, available(workshop))
    return normalise(text)


def unknown(workshop: Workshop, version: str) -> ConfigError | None:
    """Return the error to raise when a version was never published, None when it was."""
    versions = available(workshop)
    if version in versions:
        return None
    minor = ".".join(version.split(".")[:2])
    return ConfigError(f"there is no Kubernetes {version}; {describe(versions, minor)}")
