"""CoreDNS, which kubeadm runs as the cluster's name server, built from its Go module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.parts import go_program
from clusters.parts.golang import machine_arch

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

MODULE = "github.com/coredns/coredns"
PLUGINS = (
    "cache",
    "errors",
    "forward",
    "health",
    "kubernetes",
    "loadbalance",
    "loop",
    "metrics",
    "ready",
    "reload",
)
"""What kubeadm's Corefile names (CoreDNSConfigMap in cmd/kubeadm/app/phases/addons/dns).

CoreDNS's own list has the clients of four clouds besides, which are most of the build.
"""


def render_main(plugins: tuple[str, ...] = PLUGINS) -> str:
    """Return the main.go of a CoreDNS with these plugins, as CoreDNS's own is but for the list."""
    imports = "".join(f'\t_ "{MODULE}/plugin/{plugin}"\n' for plugin in plugins)
    return (
        f'package main\n\nimport (\n{imports}\n\t"{MODULE}/coremain"\n)\n\n'
        "func main() {\n\tcoremain.Run()\n}\n"
    )


def get_coredns(workshop: Workshop, version: str) -> Path:
    """Return the coredns command of a version such as v1.12.1."""

    def make(work: Path, step: Step) -> None:
        files = {"main.go": render_main()}
        go_program.build(
            workshop, work, step, name="coredns", needs=f"{MODULE} {version}", files=files, main="."
        )

    inputs = {
        "version": version,
        "plugins": " ".join(PLUGINS),
        "arch": machine_arch(),
        "recipe": "1",
    }
    return workshop.cache.get_or_make("coredns", inputs, make, workshop.progress) / "coredns"
