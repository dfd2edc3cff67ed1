"""The etcd server that keeps a cluster's objects."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.parts import elf
from clusters.parts.apt import PrivateApt, source_line
from clusters.parts.go_program import get_program
from clusters.parts.golang import machine_arch
from clusters.parts.packages import find_tool
from clusters.parts.sources import os_release, read_sources, stock_source
from clusters.parts.stop import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

MODULE, MODULE_VERSION = "go.etcd.io/etcd/server/v3", "v3.6.5"
"""The etcd that kubeadm 1.34 and later write the flags of (constants.DefaultEtcdVersion)."""

_SAID = re.compile(r"etcd Version: (\d+)\.(\d+)\.(\d+)")


def get_etcd(workshop: Workshop, given: Path | None = None) -> Path:
    """Return the server: the path given, the one on PATH, its Go module, or Debian's package.

    What is on PATH is taken when it `tells_progress`. Debian's package is the last resort, because
    Debian 12's does not. Raises ConfigError for an unusable path, TestbedError when no way leads to
    a server.
    """
    if given is not None:
        return _checked(given)
    installed = find_tool("etcd")
    if installed is not None and tells_progress(
        workshop.commands.output([str(installed), "--version"])
    ):
        return installed
    try:
        return get_built_etcd(workshop)
    except StoppedError:
        raise
    except (ConfigError, TestbedError) as error:
        return _debians(workshop, f"{error}; taking Debian's")


def get_built_etcd(workshop: Workshop) -> Path:
    """Return the server of MODULE_VERSION, whatever else the machine has."""
    return get_program(workshop, "etcd", MODULE, MODULE_VERSION)


def tells_progress(said: str) -> bool:
    """Tell from `etcd --version` whether a watch can be asked how far it is.

    An API server serves lists as watches (KEP-3157) only from such a store: 3.4.31 and later of
    3.4, 3.5.13 and later (k8s.io/apiserver/pkg/storage/feature). From any other, kube-proxy has
    to list, which it does in hardly any cluster that is in use.
    """
    found = _SAID.search(said)
    if found is None:
        return False
    version = tuple(int(part) for part in found.groups())
    return version >= (3, 5, 13) or (3, 4, 31) <= version < (3, 5, 0)


def _checked(given: Path) -> Path:
    if not given.is_file() or not os.access(given, os.X_OK):
        raise ConfigError(f"etcd {given}: not an executable file")
    arch = elf.architecture(elf.read_head(given))
    if arch != machine_arch():
        raise ConfigError(f"etcd {given}: not a Linux program for {machine_arch()}")
    return given.resolve()


def _debians(workshop: Workshop, why: str) -> Path:
    """Return the package's server, unpacked and not installed.

    Installing it would create a user and start a service on the ports that a cluster of the
    machine's own may use.
    """

    def make(work: Path, step: Step) -> None:
        step.detail(why)
        shutil.rmtree(work / "out", ignore_errors=True)
        (work / "out").mkdir()
        codename = os_release().get("VERSION_CODENAME", "")
        stock = stock_source(read_sources(), codename)
        line = source_line(stock, codename, " ".join(stock.components))
        apt = PrivateApt(work / "apt", [line], workshop.commands)
        apt.update(step)
        package = apt.download("etcd-server", work / "deb", step)
        unpacked = work / "unpacked"
        workshop.commands.run(["dpkg-deb", "-x", str(package), str(unpacked)])
        shutil.copy2(unpacked / "usr/bin/etcd", work / "out" / "etcd")

    inputs = {"arch": machine_arch(), "package": "etcd-server", "recipe": "2"}
    entry = workshop.cache.get_or_make(
        "etcd", inputs, make, workshop.progress, need_bytes=300_000_000
    )
    return entry / "etcd"
