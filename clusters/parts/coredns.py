"""CoreDNS, which kubeadm runs as the cluster's name server, built from its Go module."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from clusters.parts.commands import own_tmp
from clusters.parts.golang import go_env, go_tool, machine_arch

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
        out, source = work / "out", work / "module"
        for folder in (out, source):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        (source / "go.mod").write_text(
            f"module proxyproof.local/coredns\n\ngo 1.24\n\nrequire {MODULE} {version}\n"
        )
        (source / "main.go").write_text(render_main())
        env = {**go_env("-mod=mod -buildvcs=false"), **own_tmp(work)}
        step.detail("resolving the modules")
        workshop.commands.run(["nice", go_tool(), "mod", "tidy"], cwd=source, env=env)
        step.detail("compiling")
        argv = ["nice", go_tool(), "build", "-trimpath", "-ldflags", "-s -w"]
        target = str(out / "coredns")
        workshop.commands.run(
            [*argv, "-o", target, "."], cwd=source, env=env, log=work / "build.log"
        )

    inputs = {
        "version": version,
        "plugins": " ".join(PLUGINS),
        "arch": machine_arch(),
        "recipe": "1",
    }
    return workshop.cache.get_or_make("coredns", inputs, make, workshop.progress) / "coredns"
