"""The user-mode kernel that every node of the embedded cluster boots."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.parts import kernel_edits, kernel_source
from clusters.parts.commands import CommandError, own_tmp
from clusters.parts.memo import digest_of

if TYPE_CHECKING:
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

FRAGMENT = Path(__file__).with_name("kernel.config")
"""Our options, merged over the default configuration."""

NEED_BYTES = 2_500_000_000
"""Room for the package, the unpacked tree and the objects."""

_FILES = 1640
_ABSENT_BEFORE_7 = {
    "CONFIG_NETFILTER_XTABLES_LEGACY",
    "CONFIG_IP_NF_IPTABLES_LEGACY",
    "CONFIG_IP6_NF_IPTABLES_LEGACY",
    "CONFIG_NETFILTER_XTABLES",
}
"""Options later kernels put around the legacy tables; before, those are offered without."""

_MISSING_FILE = re.compile(r"No rule to make target|No such file or directory|can't open file")


@dataclass(frozen=True)
class Kernel:
    """A built kernel: the binary, its release such as "7.2.13", and its series "7.2"."""

    path: Path
    version: str
    series: str


def get_kernel(workshop: Workshop, source: Path | None = None, series: str = "") -> Kernel:
    """Return the kernel; `source` is a linux-source .deb or tar.xz of the user's.

    Without `series` it is 7.2, else the newest after it, else the release's own; what an
    earlier run chose stays: a run must not need the network to learn that the archive moved on.
    Raises ConfigError for an unusable source, TestbedError when the kernel cannot be built.
    """
    if os.uname().machine != "x86_64":
        raise ConfigError(
            f"a user-mode kernel needs an x86-64 machine, this is {os.uname().machine}; "
            "use the machine's own kernel (--kp-kernel host)"
        )
    inputs = {
        "config": hashlib.sha256("\n".join(options_of(FRAGMENT.read_text())).encode()).hexdigest(),
        "edits": hashlib.sha256(repr(kernel_edits.EDITS).encode()).hexdigest(),
        "series": series,
        "source": _digest(workshop, source) if source else "",
        "recipe": "1",
    }

    def make(work: Path, step: Step) -> None:
        _Build(workshop, work, step).run(source, series)

    entry = workshop.cache.get_or_make(
        "kernel", inputs, make, workshop.progress, need_bytes=NEED_BYTES
    )
    known = json.loads((entry / "kernel.json").read_text())
    return Kernel(entry / "linux", known["version"], known["series"])


def _digest(workshop: Workshop, source: Path) -> str:
    if not source.is_file():
        raise ConfigError(f"kernel source {source}: no such file")
    return digest_of(workshop.cache, source)


class _Build:
    """One build in its work directory; every stage that is complete is not done again."""

    def __init__(self, workshop: Workshop, work: Path, step: Step) -> None:
        self.commands = workshop.commands
        self.cache = workshop.cache
        self.work = work
        self.step = step
        self.tree = work / "tree"
        self.jobs = len(os.sched_getaffinity(0))
        self.compiled = 0

    def run(self, source: Path | None, series: str) -> None:
        package = source or self._fetched(series)
        series = kernel_source.series_of(package.name)
        self._unpack(package, series, slim=True)
        try:
            self._configure(series)
            self._compile()
        except CommandError as error:
            # A series that compiles something the slim tree left out gets the whole tree.
            if not _MISSING_FILE.search(error.output) or (self.work / "unpacked-full").exists():
                raise
            self._unpack(package, series, slim=False)
            self._configure(series)
            self._compile()
        self._publish(series)

    def _fetched(self, series: str) -> Path:
        kept = self.work / "package.json"
        if kept.exists():
            return Path(json.loads(kept.read_text()))
        package = kernel_source.fetch(self.work, series, self.commands, self.step)
        kept.write_text(json.dumps(str(package)))
        return package

    def _unpack(self, package: Path, series: str, *, slim: bool) -> None:
        done = self.work / ("unpacked-slim" if slim else "unpacked-full")
        if done.exists() or (self.work / "unpacked-full").exists():
            return
        kernel_source.unpack(package, self.tree, self.commands, self.step, slim=slim)
        kernel_edits.edit_tree(self.tree, series)
        done.touch()

    def _make(self, *targets: str) -> None:
        self.commands.run(
            ["nice", "make", "ARCH=um", f"-j{self.jobs}", *targets],
            cwd=self.tree,
            env=own_tmp(self.work),
            on_line=self._count,
            log=self.work / "build.log",
        )

    def _count(self, line: str) -> None:
        if line.startswith(("  CC ", "  AS ", "  AR ")):
            self.compiled += 1
            if self.compiled % 20 == 0:
                self.step.detail(f"compiled {self.compiled} of about {_FILES} files")
        elif line.startswith("  LD "):
            self.step.detail("linking")

    def _configure(self, series: str) -> None:
        self.step.detail("configuring")
        self._make("defconfig")
        merge = ["scripts/kconfig/merge_config.sh", "-m", ".config", str(FRAGMENT)]
        self.commands.run(merge, cwd=self.tree, env={"ARCH": "um"})
        self._make("olddefconfig")
        lost = lost_options(FRAGMENT.read_text(), (self.tree / ".config").read_text(), series)
        if lost:
            raise TestbedError(
                f"the kernel source {series} does not grant: {', '.join(lost)} "
                f"(asked for in {FRAGMENT.name})"
            )

    def _compile(self) -> None:
        self.compiled = 0
        self._make("linux")

    def _publish(self, series: str) -> None:
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        release = (self.tree / "include/config/kernel.release").read_text().strip()
        shutil.copy2(self.tree / "linux", out / "linux")
        shutil.copy2(self.tree / ".config", out / "config")
        (out / "kernel.json").write_text(json.dumps({"version": release, "series": series}))


def options_of(fragment: str) -> list[str]:
    """Return the lines of a fragment that set or unset an option; the others are for readers."""
    return re.findall(r"^(?:CONFIG_\w+=.*|# CONFIG_\w+ is not set)$", fragment, re.MULTILINE)


def lost_options(fragment: str, config: str, series: str) -> list[str]:
    """Return the options of the fragment that the final configuration does not hold.

    Kconfig drops an option whose dependencies are not met without a word.
    """
    given = set(config.splitlines())
    allowed = _ABSENT_BEFORE_7 if int(series.partition(".")[0]) < 7 else set()
    lost = []
    for line in options_of(fragment):
        off = re.fullmatch(r"# (CONFIG_\w+) is not set", line)
        if off:
            # An option Kconfig does not even offer is off as well.
            if any(other.startswith(f"{off.group(1)}=") for other in given):
                lost.append(line)
        elif line not in given:
            name = line.partition("=")[0]
            if name not in allowed:
                lost.append(line)
    return lost
