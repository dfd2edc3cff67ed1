"""What makes and runs containers, from Debian packages that are unpacked and not installed.

Installing docker.io would start a dockerd in the machine's own network namespace, where its rules
are not this project's to make.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.apt import PrivateApt, source_line
from clusters.parts.go_program import get_program
from clusters.parts.golang import machine_arch
from clusters.parts.sources import os_release, read_sources, stock_source

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

PACKAGES = ("docker.io", "containerd", "runc", "tini", "mmdebstrap")
OPTIONAL = ("docker-cli",)
"""From Debian 13 on the client is a package of its own."""

KIND_VERSION = "v0.30.0"

SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def release_lines() -> list[str]:
    """Return the sources.list lines of this machine's release, security fixes included."""
    codename = os_release().get("VERSION_CODENAME", "")
    sources = read_sources()
    lines = [source_line(stock_source(sources, codename), codename)]
    security = f"{codename}-security"
    lines += [source_line(s, security) for s in sources if security in s.suites][:1]
    return lines


def get_tools(workshop: Workshop) -> Path:
    """Return a folder with usr/sbin/dockerd and the rest; raises TestbedError without apt."""

    def make(work: Path, step: Step) -> None:
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        apt = PrivateApt(work / "apt", release_lines(), workshop.commands)
        apt.update(step)
        for package in (*PACKAGES, *OPTIONAL):
            if package in OPTIONAL and apt.newest(package) is None:
                continue
            file = apt.download(package, work / "deb", step)
            workshop.commands.run(["dpkg-deb", "-x", str(file), str(out)])
        lacking = [
            name
            for name in ("dockerd", "docker", "containerd", "runc", "mmdebstrap")
            if not any((out / "usr" / place / name).exists() for place in ("sbin", "bin"))
        ]
        if lacking:
            raise TestbedError(f"Debian's packages brought no {', '.join(lacking)}")

    inputs = {
        "packages": " ".join((*PACKAGES, *OPTIONAL)),
        "release": os_release().get("VERSION_CODENAME", ""),
        "arch": machine_arch(),
        "recipe": "1",
    }
    return workshop.cache.get_or_make(
        "container-tools", inputs, make, workshop.progress, need_bytes=600_000_000
    )


def tools_path(tools: Path) -> str:
    """Return the PATH that finds the unpacked tools first."""
    return f"{tools}/usr/sbin:{tools}/usr/bin:{SYSTEM_PATH}"


def get_kind(workshop: Workshop) -> Path:
    """Return the kind command, built from its Go module."""
    return get_program(workshop, "kind", "sigs.k8s.io/kind", KIND_VERSION)


def need_root() -> None:
    """Raise TestbedError for users that may not mount, which all of this is made of."""
    if os.geteuid() != 0:
        raise TestbedError("kind clusters need root here: dockerd mounts and makes cgroups")
