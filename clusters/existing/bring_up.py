"""The existing provider's entry: from a kubeconfig to a cluster that cases can use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import ConfigError
from clusters.existing import doctor
from clusters.existing.provider import ExistingCluster
from clusters.hints import clusters_command
from clusters.parts.build_info import Build
from clusters.protocol import ProxySpec
from clusters.providers import Outlook, Up

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.existing.doctor import Finding
    from clusters.parts.progress import Recorder as Progress
    from clusters.protocol import Mode
    from clusters.providers import Request

AGENT_IMAGE = "python:3-slim"
"""What pods run where the user names no image; the cluster has to be able to pull it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is judged: the kube-proxy that runs there."""

    build: Build
    baseline: Build | None = None


class ExistingProvider:
    """Uses a cluster that is there; see `clusters.providers.Provider`."""

    name = "existing"
    default_build = ""
    default_control_plane = ""

    def __init__(self) -> None:
        self._finding: Finding | None = None

    def check(self, request: Request) -> None:
        """Refuse what is not ours to decide there."""
        if request.reuse:
            raise ConfigError("--kp-reuse is for clusters of our own; give the kubeconfig alone")
        if request.build or request.baseline:
            raise ConfigError(
                "--kp-build, --kp-baseline: what runs on an existing cluster is judged, nothing "
                "is put in its place"
            )
        if request.config:
            raise ConfigError("--kp-config: the kube-proxy of an existing cluster has its own")

    def outlook(self, request: Request) -> Outlook:
        """Ask the cluster what it is; it is asked once."""
        found = self._find(request)
        allow = request.allow_disruption
        return Outlook(
            found.capabilities(disruption=allow),
            len(found.nodes),
            _mode(found, request),
            found.reasons(disruption=allow),
        )

    def describe(self, request: Request) -> str:
        """Name the kubeconfig: it is all that the user said."""
        return f"existing ({request.kubeconfig})"

    def prepare(self, request: Request, progress: Progress) -> Found:
        """Say what runs there."""
        del progress
        found = self._find(request)
        _mode(found, request)
        version = found.proxy_version or found.version
        return Found(Build(found.image, Path(found.image), version, found.image_id, ""))

    def bring_up(
        self, request: Request, prepared: Found, logs: Path, note: Callable[[str], None]
    ) -> Up:
        """Put our pods on the nodes."""
        del logs
        started = time.monotonic()
        if request.kubeconfig is None:
            raise ConfigError("there is no kubeconfig")
        found = self._find(request)
        cluster = ExistingCluster(
            request.kubeconfig,
            image=request.agent_image or AGENT_IMAGE,
            first_sync=request.first_sync,
            disruption=request.allow_disruption,
        )
        try:
            cluster.enter(ProxySpec(prepared.build.path, _mode(found, request)))
            for node in cluster.existing_nodes:
                cluster.proxies.wait_synced(node)
            cluster.learn_build()
        except BaseException:
            cluster.close()
            raise
        cluster.steps.append(("access to nodes", time.monotonic() - started))
        note(f"access to {len(cluster.nodes)} nodes after {time.monotonic() - started:.1f} s")
        return Up(cluster, cluster.steps)

    def _find(self, request: Request) -> Finding:
        if request.kubeconfig is None:
            raise ConfigError("there is no kubeconfig")
        known = _FINDINGS.get(request.kubeconfig)
        if known is None:
            known = doctor.examine(request.kubeconfig)
            _FINDINGS[request.kubeconfig] = known
        if not known.usable:
            raise ConfigError(
                f"{request.kubeconfig}: {_objection(known)}; see: "
                f"{clusters_command('doctor', str(request.kubeconfig))}"
            )
        return known


_FINDINGS: dict[Path, Finding] = {}


def _objection(found: Finding) -> str:
    if found.refused:
        return f"this account may not {', '.join(found.refused)}"
    if not found.mode:
        return found.no_proxy or "no kube-proxy was found"
    return found.privileged or "there is no node"


def _mode(found: Finding, request: Request) -> Mode:
    """Return the mode that runs there; raises `ConfigError` when another was asked for."""
    if found.mode is None:
        raise ConfigError(found.no_proxy)
    if request.mode not in ("", found.mode):
        raise ConfigError(f"--kp-mode {request.mode}: kube-proxy runs there in mode {found.mode}")
    return found.mode
