"""How a person gets into a kept cluster."""

from __future__ import annotations

from pathlib import Path

from clusters.embedded import rundir
from clusters.hints import clusters_command


def enter_command(directory: Path) -> str:
    """Return the start of a command line that runs inside the cluster's network."""
    pid = rundir.read_pid(directory)
    # A run of root's has no user namespace of its own, and entering the one that one is in already
    # is refused (setns(2), EINVAL).
    mapped = Path(f"/proc/{pid}/uid_map").read_text().split()[2]
    user = "" if mapped == "4294967295" else "--preserve-credentials --user "
    return f"nsenter {user}--net --target {pid}"


def how_to_enter(directory: Path) -> str:
    """Return the lines that `--kp-keep` prints."""
    name = directory.name
    kubeconfig = directory / "control-plane" / "kubeconfig"
    return "\n".join(
        [
            f"The cluster {name} is still up:",
            f"  kubectl    {enter_command(directory)} kubectl --kubeconfig {kubeconfig} get nodes",
            f"  shell      {clusters_command('shell', '--run', name, 'node-1')}",
            "  next run   add --kp-reuse",
            f"  remove     {clusters_command('down', name)}",
        ]
    )
