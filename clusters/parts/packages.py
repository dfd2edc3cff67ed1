"""The system packages a run needs, judged by the tools and headers they bring."""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.commands import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.parts.commands import Commands
    from clusters.parts.progress import Progress, Step

SYSTEM_DIRS = (Path("/usr/local/sbin"), Path("/usr/sbin"), Path("/sbin"))
"""Where system tools are; Debian leaves these out of an ordinary user's PATH."""


@dataclass(frozen=True)
class Need:
    """A Debian package and what shows that it (or an equal) is there."""

    package: str
    tools: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


RUN_NEEDS = (
    Need("iproute2", ("ip", "tc", "ss")),
    Need("ethtool", ("ethtool",)),
    Need("kmod", ("modprobe",)),
    Need("iptables", ("iptables", "ip6tables", "iptables-save", "iptables-restore")),
    Need("ipset", ("ipset",)),
    Need("ipvsadm", ("ipvsadm",)),
    Need("nftables", ("nft",)),
    Need("conntrack", ("conntrack",)),
    Need("procps", ("sysctl", "ps")),
    Need("util-linux", ("unshare", "nsenter", "taskset")),
)
"""What the lab, the nodes and kube-proxy itself execute."""

KERNEL_NEEDS = (
    Need("gcc", ("gcc",)),
    Need("binutils", ("ld", "objcopy")),
    Need("make", ("make",)),
    Need("flex", ("flex",)),
    Need("bison", ("bison",)),
    Need("bc", ("bc",)),
    Need("perl", ("perl",)),
    Need("xz-utils", ("xz",)),
    Need("tar", ("tar",)),
    Need("libc6-dev", headers=("stdio.h", "sys/signalfd.h")),
    Need("linux-libc-dev", headers=("linux/types.h", "asm/types.h")),
    Need("libelf-dev", headers=("gelf.h",)),
)
"""What compiling a user-mode kernel takes (Documentation/process/changes.rst)."""


def find_tool(name: str) -> Path | None:
    """Return the tool on PATH or in a system directory."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, SYSTEM_DIRS)])
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def _has_header(name: str) -> bool:
    multiarch = sysconfig.get_config_var("MULTIARCH") or "unknown"
    debian = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}.get(os.uname().machine)
    places = ["/usr/include", "/usr/local/include", f"/usr/include/{multiarch}"]
    places += [f"/usr/include/{debian}"] if debian else []
    return any((Path(place) / name).is_file() for place in places)


def missing(needs: Sequence[Need]) -> list[str]:
    """Return the packages of which a tool or header is not there."""
    return [
        need.package
        for need in needs
        if not (all(map(find_tool, need.tools)) and all(map(_has_header, need.headers)))
    ]


def install_command(packages: Sequence[str]) -> list[str]:
    """Return what an administrator of a Debian machine would type."""
    return ["apt-get", "install", "-y", "--no-install-recommends", *packages]


def ensure(needs: Sequence[Need], commands: Commands, progress: Progress) -> None:
    """Installs what is missing when this is root on a machine with apt.

    Raises TestbedError naming the exact command when it may not, and when a package that was
    installed still did not bring its tool.
    """
    packages = missing(needs)
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise TestbedError(_advice(packages))
    with progress.step("packages") as step:
        _install(packages, commands, step)
        still = missing(needs)
        if still:
            raise TestbedError(f"installed, but their tools are not there: {' '.join(still)}")


def _advice(packages: Sequence[str]) -> str:
    command = shlex.join(install_command(packages))
    if shutil.which("apt-get"):
        return f"packages are missing; run: sudo apt-get update && sudo {command}"
    return (
        "tools are missing and this is not a Debian machine: install what Debian calls "
        + ", ".join(packages)
    )


def _install(packages: Sequence[str], commands: Commands, step: Step) -> None:
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    argv = [*install_command(packages), "-o", "DPkg::Lock::Timeout=120"]

    def say(line: str) -> None:
        if line.startswith(("Get:", "Unpacking", "Setting up", "Waiting for cache lock")):
            step.detail(line.split(" ...", 1)[0][:80])

    def update() -> None:
        step.detail("apt-get update")
        commands.run(["apt-get", "update", "-o", "DPkg::Lock::Timeout=120"], env=env)

    step.detail(" ".join(packages))
    known = any(Path("/var/lib/apt/lists").glob("*_Packages*"))
    if not known:
        update()
    try:
        commands.run(argv, env=env, on_line=say)
    except CommandError:
        # Indexes that are some weeks old name versions the mirror no longer has.
        if not known:
            raise
        update()
        commands.run(argv, env=env, on_line=say)
