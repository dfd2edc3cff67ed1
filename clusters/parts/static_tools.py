"""The tools that kube-proxy starts at every sync, linked statically for user-mode kernels.

On a user-mode kernel each page fault and system call of a process that starts goes through the
machine's kernel and back, and a dynamic linker makes most of them. In IPVS mode a sync starts some
hundred tools; linked statically `ipset` takes a quarter less time, `iptables-save` a third. They
are of the same source package and version as the machine's own, with Debian's patches.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts import packages
from clusters.parts.apt import PrivateApt, newer_lines, source_line
from clusters.parts.cache import key_of
from clusters.parts.golang import machine_arch
from clusters.parts.kernel_source import NEWER_SUITES
from clusters.parts.memo import Memo
from clusters.parts.sources import os_release, read_sources, stock_source
from clusters.parts.stop import StoppedError

if TYPE_CHECKING:
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

RECIPE = "1"
NEEDS = (packages.Need("dpkg-dev", ("dpkg-source",)), packages.Need("patch", ("patch",)))
TRY_AGAIN_AFTER = 86400.0
"""Seconds for which a machine that could not build them goes without a further attempt."""

LIBRARIES = ("libmnl-dev", "libnftnl-dev")
"""Packages of the static libraries; Debian 12's libmnl has none, later ones have."""


@dataclass(frozen=True)
class Program:
    """A program of a source package: how it is configured, and how one asks for its version."""

    package: str
    configure: tuple[str, ...]
    built: tuple[str, ...]
    version: tuple[str, ...]


PROGRAMS = (
    Program("ipset", ("--with-kmod=no",), ("src/ipset",), ("ipset", "--version")),
    Program(
        "iptables",
        ("--disable-connlabel",),
        ("iptables/xtables-nft-multi", "iptables/xtables-legacy-multi"),
        ("xtables-nft-multi", "iptables", "--version"),
    ),
)


def get_static_tools(workshop: Workshop) -> Path | None:
    """Return the directory of the programs; None where they cannot be built, and all goes slower.

    A failure is remembered for a day. Raises StoppedError.
    """
    versions = _installed(workshop)
    if versions is None:
        return None
    inputs = {**versions, "arch": machine_arch(), "recipe": RECIPE}
    memo, key = Memo(workshop.cache, "static-tools"), key_of(inputs)
    if memo.get(key, TRY_AGAIN_AFTER):
        return None

    def make(work: Path, step: Step) -> None:
        for part in ("out", "tree"):
            shutil.rmtree(work / part, ignore_errors=True)
        (work / "out").mkdir()
        packages.ensure(NEEDS, workshop.commands, workshop.progress)
        _Build(workshop, work, step).run(versions)

    try:
        return workshop.cache.get_or_make(
            "static-tools", inputs, make, workshop.progress, need_bytes=200_000_000
        )
    except StoppedError:
        raise
    except TestbedError as error:
        memo.put(key, str(error))
        with workshop.progress.step("static-tools") as step:
            step.detail(f"not built, nodes use the machine's own: {error}")
        return None


def _installed(workshop: Workshop) -> dict[str, str] | None:
    """Return the source versions of the machine's packages; None where it is not of packages."""
    if not shutil.which("dpkg-query") or not shutil.which("apt-get"):
        return None
    found = {}
    for program in PROGRAMS:
        argv = ["dpkg-query", "--show", "--showformat=${source:Version}", program.package]
        try:
            found[program.package] = workshop.commands.output(argv).strip()
        except StoppedError:
            raise
        except TestbedError:
            return None
    return found


class _Build:
    """One build in its work directory."""

    def __init__(self, workshop: Workshop, work: Path, step: Step) -> None:
        self.commands = workshop.commands
        self.work = work
        self.step = step
        self.codename = os_release().get("VERSION_CODENAME", "")
        self.stock = stock_source(read_sources(), self.codename)

    def run(self, versions: dict[str, str]) -> None:
        """Leave the programs in `out`; raises TestbedError when one is of another version."""
        libraries = self._libraries()
        line = source_line(self.stock, self.codename)
        apt = PrivateApt(
            self.work / "apt-source", [line.replace("deb ", "deb-src ", 1)], self.commands
        )
        apt.update(self.step)
        for program in PROGRAMS:
            version = versions[program.package]
            tree = apt.unpack_source(program.package, version, self.work / "tree", self.step)
            self.step.detail(f"compiling {program.package} {version}")
            self._compile(program, tree, libraries)
            self._compare(program)

    def _libraries(self) -> Path:
        """Return a tree with usr/include and the static libraries."""
        tree = self.work / "libraries"
        newer = newer_lines(self.stock, ("trixie", *NEWER_SUITES))
        for number, line in enumerate([source_line(self.stock, self.codename), *newer]):
            wanted = [name for name in LIBRARIES if not _archives(tree, name)]
            if not wanted:
                break
            apt = PrivateApt(self.work / f"apt-{number}", [line], self.commands)
            apt.update(self.step)
            for name in wanted:
                if apt.newest(name) is None:
                    continue
                package = apt.download(name, self.work / f"deb-{number}", self.step)
                self.commands.run(["dpkg-deb", "-x", str(package), str(tree)])
        if missing := [name for name in LIBRARIES if not _archives(tree, name)]:
            raise TestbedError(f"no package with a static library: {', '.join(missing)}")
        return tree / "usr"

    def _compile(self, program: Program, tree: Path, usr: Path) -> None:
        mnl, nftnl = (str(_archives(usr.parent, name)[0]) for name in LIBRARIES)
        include = f"-I{usr}/include -I{usr}/include/libmnl"
        given = [
            *("--prefix=/usr", "--disable-shared", "--enable-static", "--with-pic=no"),
            *(f"libmnl_CFLAGS={include}", f"libmnl_LIBS={mnl}"),
            *(f"libnftnl_CFLAGS={include}", f"libnftnl_LIBS={nftnl} {mnl}"),
            f"CPPFLAGS={include}",
        ]
        log = self.work / f"{program.package}.log"
        argv = ["nice", "./configure", *program.configure, *given]
        self.commands.run(argv, cwd=tree, log=log)
        # libtool's own option; gcc's -static would still take a shared library where it sees one.
        argv = ["nice", "make", f"-j{len(os.sched_getaffinity(0))}", "LDFLAGS=-all-static"]
        self.commands.run([*argv, f"LIBS={mnl}"], cwd=tree, log=log)
        for built in program.built:
            target = self.work / "out" / Path(built).name
            self.commands.run(["strip", "-o", str(target), str(tree / built)])

    def _compare(self, program: Program) -> None:
        name, *arguments = program.version
        own = self.commands.output([str(self.work / "out" / name), *arguments]).splitlines()[0]
        tool = packages.find_tool(name)
        theirs = self.commands.output([str(tool), *arguments]).splitlines()[0] if tool else own
        if own != theirs:
            raise TestbedError(f"{name} was built as {own!r}, but the machine's is {theirs!r}")


def _archives(tree: Path, package: str) -> list[Path]:
    name = package.removesuffix("-dev")
    return sorted((tree / "usr" / "lib").glob(f"*/{name}.a"))
