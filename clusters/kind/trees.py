"""Debian trees for images: the node's own, and the layer that kube-proxy and the pods share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.kind.tools import get_tools, release_lines, tools_path
from clusters.parts.golang import machine_arch
from clusters.parts.sources import os_release

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

SHARED = (
    "conntrack",
    "curl",
    "ipset",
    "iproute2",
    "iptables",
    "ipvsadm",
    "kmod",
    "libpython3-stdlib",
    "netbase",
    "nftables",
    "procps",
    "python3-minimal",
    "util-linux",
)
"""What kube-proxy executes, what shows the kernel's state, and a Python for the agent."""

NODE = (
    *SHARED,
    "ca-certificates",
    "containerd",
    "containernetworking-plugins",
    "dbus",
    "ebtables",
    "ethtool",
    "hostname",
    "mount",
    "runc",
    "socat",
    "systemd",
    "systemd-sysv",
)
"""And what a kubelet needs around it."""

AGNHOST = (
    "bash",
    "bind9-dnsutils",
    "curl",
    "iproute2",
    "netcat-openbsd",
    "procps",
    "wget",
)
"""What upstream's tests execute in pods of agnhost (k/k test/images/agnhost/Dockerfile)."""

LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")


def get_shared_tree(workshop: Workshop) -> Path:
    """Return the tar of the tree that images for pods are made from."""
    return _get_tree(workshop, "shared", SHARED)


def get_agnhost_tree(workshop: Workshop) -> Path:
    """Return the tar of the tree below upstream's agnhost."""
    return _get_tree(workshop, "agnhost", AGNHOST)


def get_node_tree(workshop: Workshop) -> Path:
    """Return the tar of the tree that nodes are made from."""
    return _get_tree(workshop, "node", NODE)


def _get_tree(workshop: Workshop, name: str, packages: tuple[str, ...]) -> Path:
    tools = get_tools(workshop)
    codename = os_release().get("VERSION_CODENAME", "")

    def make(work: Path, step: Step) -> None:
        out = work / "out"
        out.mkdir(exist_ok=True)

        def say(line: str) -> None:
            if line.startswith("I: "):
                step.detail(line.removeprefix("I: ")[:80])

        argv = ["nice", "mmdebstrap", "--mode=root", "--variant=minbase", "--verbose"]
        argv.append('--aptopt=APT::Install-Recommends "false"')
        argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
        argv += [f"--include={','.join(packages)}", codename, str(out / "tree.tar")]
        step.detail(f"{len(packages)} packages and what they need")
        workshop.commands.run(
            [*argv, *release_lines()],
            env={"PATH": tools_path(tools), "TMPDIR": str(work)},
            on_line=say,
            log=work / "mmdebstrap.log",
        )

    inputs = {
        "packages": " ".join(packages),
        "release": codename,
        "arch": machine_arch(),
        "recipe": "1",
    }
    entry = workshop.cache.get_or_make(
        f"debian-{name}-tree", inputs, make, workshop.progress, need_bytes=1_500_000_000
    )
    return entry / "tree.tar"
