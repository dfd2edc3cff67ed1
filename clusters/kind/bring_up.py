"""The kind provider's entry: from what a run asks for to a running cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.embedded import host_kernel
from clusters.embedded.bring_up import serves_sctp
from clusters.errors import ConfigError
from clusters.existing.provider import ALWAYS
from clusters.kind import creation, disk
from clusters.kind.image import NodeImage, get_node_image
from clusters.kind.provider import OURS
from clusters.kind.tools import get_kind, get_tools
from clusters.parts import packages, versions
from clusters.parts.build_info import Build, get_build
from clusters.parts.kernel import Kernel, get_kernel
from clusters.parts.kubernetes import get_binaries
from clusters.parts.wheels import get_locust, interpreter_in
from clusters.parts.workshop import Workshop, open_workshop
from clusters.protocol import MODES, ProxySpec
from clusters.providers import Outlook, Up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.embedded.node import KernelKind
    from clusters.parts.progress import Recorder as Progress
    from clusters.protocol import Mode
    from clusters.providers import Request

BY_KERNEL = frozenset({"sctp", "every-mode"})
"""What containers can do where the kernel that they share can; a user-mode kernel does."""


@dataclass(frozen=True, slots=True)
class KindParts:
    """What a kind cluster is made of; `preloaded` is the kube-proxy in the node image.

    `kernel` and `disk` are None where the containers share this machine's kernel, and `lacking` is
    what that lacks where they do not.
    """

    build: Build
    kind: Path
    tools: Path
    node_image: NodeImage
    preloaded: Path
    baseline: Build | None = None
    kernel: Kernel | None = None
    disk: Path | None = None
    lacking: tuple[str, ...] = ()


class KindProvider:
    """Makes kind clusters; see `clusters.providers.Provider`."""

    name = "kind"
    default_build = ""
    default_control_plane = versions.DEFAULT_KIND

    def check(self, request: Request) -> None:
        """Refuse what kind clusters do not do here."""
        if request.reuse:
            raise ConfigError("--kp-reuse: a kind cluster cannot be taken over yet")
        if kernel_of(request) == "uml" and request.nodes > disk.STATES:
            raise ConfigError(
                f"--kp-nodes {request.nodes}: a kind cluster in a user-mode kernel has "
                f"{disk.STATES} nodes at most, since they share its one processor"
            )

    def outlook(self, request: Request) -> Outlook:
        """Return what every kind cluster is."""
        able = ALWAYS | OURS | BY_KERNEL
        if kernel_of(request) == "host":
            able -= frozenset() if serves_sctp() else {"sctp"}
            able -= frozenset() if host_kernel.has_every_mode() else {"every-mode"}
        reasons = {
            "hand-made-status": "a real kubelet writes what is so over what a case makes up",
            "every-mode": "this machine's kernel, which nodes in containers share, lacks a mode; "
            "--kp-kernel uml has them all",
            "api-restart": "the API server of a kind cluster is the kubelet's to restart",
            "sctp": "this machine's kernel, which nodes in containers share, has no SCTP; "
            "--kp-kernel uml has it",
        }
        return Outlook(frozenset(able), request.nodes, mode_of(request), reasons)

    def describe(self, request: Request) -> str:
        """Name the version too: the kubelets and the control plane are of one."""
        version = request.control_plane or self.default_control_plane
        return f"kind ({version}, {kernel_of(request)})"

    def prepare(self, request: Request, progress: Progress) -> KindParts:
        """Fetch or build kind, the node image and the build; a kernel too where it takes one."""
        shop = open_workshop(progress)
        version = versions.resolve(shop, request.control_plane or self.default_control_plane)
        with progress:
            packages.ensure(packages.RUN_NEEDS, shop.commands, shop.progress)
            lacking = lacks(mode_of(request))
            uml = kernel_of(request) == "uml"
            if lacking and not uml:
                raise ConfigError(
                    f"--kp-kernel host: this machine's kernel, which nodes in containers share, "
                    f"cannot run mode {request.mode}; it lacks {'; '.join(lacking)}. "
                    "Use --kp-kernel uml."
                )
            kernel = _get_kernel(shop, request.kernel_series) if uml else None
            build = get_build(shop, request.build)
            image = get_node_image(shop, version)
            if request.load_pods and not request.agent_image:
                # Now, since from inside the run nothing leads out.
                get_locust(shop, interpreter_in(image.shared_tree))
            return KindParts(
                build=build,
                kind=get_kind(shop),
                tools=get_tools(shop),
                node_image=image,
                preloaded=get_binaries(shop, version, ["kube-proxy"])["kube-proxy"],
                baseline=get_build(shop, request.baseline) if request.baseline else None,
                kernel=kernel,
                disk=disk.get_disk(shop, image) if uml else None,
                lacking=() if request.kernel else tuple(lacking),
            )

    def bring_up(
        self, request: Request, prepared: KindParts, logs: Path, note: Callable[[str], None]
    ) -> Up:
        """Create the cluster with the build in its DaemonSet."""
        if prepared.lacking:
            note(f"in a user-mode kernel, since this machine's lacks {'; '.join(prepared.lacking)}")
        builds = [build for build in (prepared.build, prepared.baseline) if build]
        plan = creation.Plan(
            kind=prepared.kind,
            tools=prepared.tools,
            node_image=prepared.node_image,
            preloaded=prepared.preloaded,
            spec=ProxySpec(prepared.build.path, mode_of(request), request.config),
            family=request.family,
            nodes=request.nodes,
            logs=logs,
            agent_image=request.agent_image,
            first_sync=request.first_sync,
            slow_factor=request.slow_factor,
            images={build.path: build.image for build in builds if build.image},
            kernel=prepared.kernel.path if prepared.kernel else None,
            disk=prepared.disk,
        )
        cluster = creation.Creation(plan, note).create()
        return Up(cluster, cluster.steps)


def lacks(mode: Mode) -> list[str]:
    """Return what this machine's kernel lacks for a mode, as far as it can be told.

    Without the tools that a run installs first, nothing can.
    """
    return [] if packages.missing(packages.RUN_NEEDS) else host_kernel.missing(mode)


def kernel_of(request: Request) -> KernelKind:
    """Return the kind of kernel that was asked for; where none was, what it takes."""
    if request.kernel:
        return request.kernel
    return "uml" if lacks(mode_of(request)) else "host"


def _get_kernel(shop: Workshop, series: str) -> Kernel:
    packages.ensure(packages.KERNEL_NEEDS, shop.commands, shop.progress)
    return get_kernel(shop, series=series)


def mode_of(request: Request) -> Mode:
    """Return the mode that was asked for; raises `ConfigError` for all of them at once."""
    for mode in MODES:
        if mode == (request.mode or "iptables"):
            return mode
    raise ConfigError("--kp-mode all: a kind cluster runs one mode; use the embedded cluster")
