"""The embedded provider's entry: from what a run asks for to a running cluster."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from clusters.embedded import creation, host_kernel, labclient, namespaces, rundir
from clusters.embedded.control_plane import Binaries
from clusters.embedded.provider import EmbeddedCluster
from clusters.errors import ConfigError
from clusters.hints import clusters_command
from clusters.parts import versions
from clusters.parts.prepare import Parts, Want, prepare
from clusters.protocol import MODES, ProxySpec, modes_of
from clusters.providers import Outlook, Up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.embedded.node import KernelKind
    from clusters.parts.progress import Recorder as Progress
    from clusters.protocol import RunMode
    from clusters.providers import Request

NEED_A_KERNEL = frozenset({"node-freeze", "node-power", "netem", "own-kernel"})
"""What can be done only to a node that has a kernel of its own."""


class EmbeddedProvider:
    """Makes embedded clusters; see `clusters.providers.Provider`."""

    name = "embedded"
    default_build = versions.DEFAULT_CONTROL_PLANE
    default_control_plane = versions.DEFAULT_CONTROL_PLANE

    def check(self, request: Request) -> None:
        """Refuse to reuse a cluster that is not up."""
        reuse = request.reuse
        if reuse and reuse != "last" and not rundir.alive(rundir.base() / reuse):
            raise ConfigError(
                f"--kp-reuse {reuse}: no such cluster is up; see: {clusters_command('list')}"
            )
        if reuse == "last" and not rundir.running():
            raise ConfigError("--kp-reuse: no cluster is up; make one with --kp-keep")

    def outlook(self, request: Request) -> Outlook:
        """Return what every embedded cluster is; SCTP may be missing on the machine's kernel."""
        able = EmbeddedCluster.capabilities
        if kernel_of(request) == "host":
            able -= NEED_A_KERNEL | (frozenset() if serves_sctp() else {"sctp"})
            able -= {"every-mode"} if not host_kernel.has_every_mode() else frozenset()
        return Outlook(able, request.nodes, mode_of(request))

    def describe(self, request: Request) -> str:
        """Name the kind of kernel too: it is half of what is judged."""
        return f"{self.name} ({kernel_of(request)})"

    def prepare(self, request: Request, progress: Progress) -> Parts:
        """Fetch or build kernel and binaries."""
        want = Want(
            build=request.build,
            baseline=request.baseline,
            control_plane=request.control_plane or versions.DEFAULT_CONTROL_PLANE,
            kernel=kernel_of(request),
            kernel_series=request.kernel_series,
        )
        return prepare(want, progress)

    def bring_up(
        self, request: Request, prepared: Parts, logs: Path, note: Callable[[str], None]
    ) -> Up:
        """Create the cluster, or take over the one that was kept."""
        _become_able(request)
        if request.reuse:
            return _reuse(request, prepared, logs)
        specs = _specs(request, prepared, request.nodes)
        kernel = kernel_of(request)
        if kernel == "host":
            for mode in dict.fromkeys(spec.mode for spec in specs):
                host_kernel.check(mode)
        if kernel == "uml" and prepared.kernel is None:
            raise ConfigError("there is no user-mode kernel for this machine")
        plan = creation.Plan(
            binaries=Binaries(
                prepared.etcd, prepared.kube_apiserver, prepared.kube_controller_manager
            ),
            kernel_kind=kernel,
            kernel=prepared.kernel.path if prepared.kernel else None,
            specs=specs,
            logs=logs,
            tools=prepared.tools_path,
            # Some cases have one enter by each node.
            outside=max(creation.OUTSIDE_CLIENTS, request.nodes),
            iptables_backend=request.iptables_backend,
            first_sync=request.first_sync,
        )
        cluster = creation.Creation(plan, note).create()
        return Up(cluster, list(cluster.steps), cluster.control_plane.etcd_version())


def serves_sctp() -> bool:
    """Tell whether this machine's kernel has SCTP, which is a module that many do without."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


def kernel_of(request: Request) -> KernelKind:
    """Return the kind of kernel that was asked for; where none was, one of each node's own."""
    return request.kernel or "uml"


def mode_of(request: Request) -> RunMode:
    """Return the mode that was asked for; where none was, iptables."""
    return request.mode or "iptables"


def _specs(request: Request, parts: Parts, nodes: int) -> list[ProxySpec]:
    """Return what each of a number of nodes is to run."""
    modes = modes_of(mode_of(request), nodes)
    return [ProxySpec(parts.build.path, mode, request.config) for mode in modes]


def _become_able(request: Request) -> None:
    """Enter a user namespace where the user is not root already."""
    if os.geteuid() == 0:
        return
    if request.reuse:
        pid = rundir.read_pid(_reused(request))
        namespaces.enter(f"/proc/{pid}/ns/user", namespaces.NEWUSER)
        return
    namespaces.become_root()


def _reuse(request: Request, parts: Parts, logs: Path) -> Up:
    started = time.monotonic()
    cluster = creation.attach(_reused(request), logs, request.first_sync)
    if request.mend is not None:
        request.mend(cluster)
    nodes = cluster.nodes
    if request.mode == "all" and len(nodes) < len(MODES):
        raise ConfigError(
            f"--kp-reuse {cluster.name}: mode all needs {len(MODES)} nodes, and it has {len(nodes)}"
        )
    specs = _specs(request, parts, len(nodes))
    for node, spec in zip(nodes, specs, strict=True):
        cluster.check_kernel(node, spec)
    cluster.set_proxies({node.name: spec for node, spec in zip(nodes, specs, strict=True)})
    steps = [("kube-proxy replaced", time.monotonic() - started)]
    return Up(cluster, steps, cluster.control_plane.etcd_version())


def _reused(request: Request) -> Path:
    if request.reuse != "last":
        return rundir.base() / request.reuse
    kept = labclient.unused()
    if not kept:
        raise ConfigError("--kp-reuse: every cluster that is up is in use by another run")
    return kept[-1]
