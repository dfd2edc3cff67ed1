"""How a person gets into a kept cluster."""

from __future__ import annotations

from pathlib import Path

from clusters.embedded import rundir


def enter_command(directory: Path) -> str:
    """Return the start of a command line that runs inside the cluster's network."""
    pid = rundir.read_pid(directory)
    # Entering the user namespace that one is in already is refused (setns(2), EINVAL).
    same = Path(f"/proc/{pid}/ns/user").stat().st_ino == Path("/proc/self/ns/user").stat().st_ino
    user = "" if same else "--preserve-credentials --user "
    return f"nsenter {user}--net --target {pid}"


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
