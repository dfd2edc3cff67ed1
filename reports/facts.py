"""What a run was about, in the words that all reports share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reports.text import plural, printable, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.model import CaseResult, Run


def judged(run: Run) -> str:
    """Name what was judged: `kube-proxy v1.34.4 in ipvs mode`."""
    info = run.info
    mode = f" in {info.mode} mode" if info.mode else ""
    mode = " in all modes" if info.mode == "all" else mode
    return printable(f"kube-proxy {info.build.version or info.build.source}{mode}")


def build_line(run: Run) -> str:
    """Say where the build came from, and its checksum in short."""
    build = run.info.build
    source = build.source if build.source != build.version else ""
    return _joined(source, prefixed("sha256 ", build.sha256[:12]))


def environment_line(run: Run) -> str:
    """Say where the run took place."""
    info = run.info
    kernels = dict.fromkeys(node.kernel for node in info.nodes if node.kernel)
    return _joined(
        info.provider,
        plural(len(info.nodes), "node") if info.nodes else "",
        info.family,
        prefixed("kernel ", ", ".join(kernels)),
        prefixed("Kubernetes ", info.control_plane),
    )


def _joined(*parts: str) -> str:
    return printable(" \u00b7 ".join(filter(None, parts)))


def everything(run: Run) -> dict[str, str]:
    """Name what was judged, where and how, without what is unknown."""
    info = run.info
    build = info.build
    known = {
        "Build": build.source,
        "Version": " ".join(filter(None, (build.version, build.arch))),
        "SHA-256": build.sha256,
        "Baseline": (info.baseline.version or info.baseline.source) if info.baseline else "",
        "Mode": info.mode,
        "Address family": info.family,
        "Configuration": json.dumps(info.config) if info.config else "",
        "Provider": info.provider,
        "Kubernetes": info.control_plane,
        "etcd": info.etcd,
        "Started": f"{info.started:%Y-%m-%d %H:%M:%S %Z}",
        "Took": "" if run.seconds is None else seconds(run.seconds),
        "Only": info.narrowed,
        "Seed": "" if info.seed is None else str(info.seed),
        "Timeouts": ", ".join(f"{name} {limit:g} s" for name, limit in info.timeouts.items()),
        "Suite": info.suite_version,
        "Python": info.python,
        "Command": info.command,
        "Replay": info.replay,
    }
    return {name: printable(value) for name, value in known.items() if value}


def by_reason(results: Iterable[CaseResult]) -> dict[str, list[str]]:
    """Group the keys of results by the reason that their sentence gives, in order of appearance."""
    groups: dict[str, list[str]] = {}
    for result in results:
        reason = printable(result.sentence).strip().rstrip(".:") or "no reason given"
        groups.setdefault(reason, []).append(result.key)
    return groups


def prefixed(prefix: str, content: str) -> str:
    """Return `content` with its prefix, or nothing when there is none."""
    return f"{prefix}{content}" if content else ""
