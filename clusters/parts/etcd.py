"""The etcd server that keeps the embedded cluster's objects."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.parts import elf, gomod
from clusters.parts.apt import PrivateApt, source_line
from clusters.parts.golang import go_env, go_tool, machine_arch
from clusters.parts.packages import find_tool
from clusters.parts.sources import os_release, read_sources, stock_source
from clusters.parts.stop import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

MODULE, MODULE_VERSION = "go.etcd.io/etcd/server/v3", "v3.6.5"
"""What is built where Debian's etcd-server cannot be had."""


def get_etcd(workshop: Workshop, given: Path | None = None) -> Path:
    """Return the server: the path given, on PATH, Debian's package, or its Go module.

    The package is unpacked into the cache and not installed, because installing it creates a user
    and starts a service on the ports a cluster of the machine's own may use. Raises ConfigError
    for an unusable path, TestbedError when no way leads to a server.
    """
    if given is not None:
        return _checked(given)
    installed = find_tool("etcd")
    if installed is not None:
        return installed

    def make(work: Path, step: Step) -> None:
        shutil.rmtree(work / "out", ignore_errors=True)
        (work / "out").mkdir()
        try:
            _from_debian(workshop, work, step)
        except StoppedError:
            raise
        except TestbedError as error:
            step.detail(f"{error}; building it instead")
            _from_module(workshop, work, step)

    inputs = {"arch": machine_arch(), "module": MODULE_VERSION, "recipe": "1"}
    entry = workshop.cache.get_or_make(
        "etcd", inputs, make, workshop.progress, need_bytes=300_000_000
    )
    return entry / "etcd"


def _checked(given: Path) -> Path:
    if not given.is_file() or not os.access(given, os.X_OK):
        raise ConfigError(f"etcd {given}: not an executable file")
    arch = elf.architecture(elf.read_head(given))
    if arch != machine_arch():
        raise ConfigError(f"etcd {given}: not a Linux program for {machine_arch()}")
    return given.resolve()


def _from_debian(workshop: Workshop, work: Path, step: Step) -> None:
    codename = os_release().get("VERSION_CODENAME", "")
    stock = stock_source(read_sources(), codename)
    components = " ".join(stock.components)
    line = source_line(stock, codename, components)
    apt = PrivateApt(work / "apt", [line], workshop.commands)
    apt.update(step)
    package = apt.download("etcd-server", work / "deb", step)
    unpacked = work / "unpacked"
    workshop.commands.run(["dpkg-deb", "-x", str(package), str(unpacked)])
    shutil.copy2(unpacked / "usr/bin/etcd", work / "out" / "etcd")


def _from_module(workshop: Workshop, work: Path, step: Step) -> None:
    step.detail(f"building {MODULE} {MODULE_VERSION}")
    module = work / "module"
    module.mkdir(exist_ok=True)
    # A module of its own, because `go install` refuses a module that has replace lines.
    (module / "go.mod").write_text(
        f"module proxyproof.local/etcd\n\ngo 1.24\n\nrequire {MODULE} {MODULE_VERSION}\n"
    )
    (module / "tools.go").write_text(gomod.render_tools([MODULE]))
    env = go_env("-mod=mod -buildvcs=false")
    workshop.commands.run(["nice", go_tool(), "mod", "tidy"], cwd=module, env=env)
    argv = ["nice", go_tool(), "build", "-trimpath", "-ldflags", "-s -w"]
    target = work / "out" / "etcd"
    workshop.commands.run([*argv, "-o", str(target), MODULE], cwd=module, env=env)
