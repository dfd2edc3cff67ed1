"""How a person gets into a kept cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.embedded import rundir

if TYPE_CHECKING:
    from pathlib import Path


def enter_command(directory: Path) -> str:
    """Return the start of a command line that runs inside the cluster's network."""
    return f"nsenter --preserve-credentials --user --net --target {rundir.read_pid(directory)}"


def how_to_enter(directory: Path) -> str:
    """Return the lines that `--kp-keep` prints."""
    name = directory.name
    kubeconfig = directory / "control-plane" / "kubeconfig"
    return "\n".join(
        [
            f"The cluster {name} is still up:",
            f"  kubectl    {enter_command(directory)} kubectl --kubeconfig {kubeconfig} get nodes",
            f"  shell      python -m clusters shell node-1 --run {name}",
            "  next run   add --kp-reuse",
            f"  remove     python -m clusters down {name}",
        ]
    )
