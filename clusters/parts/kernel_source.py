"""Finding, fetching and unpacking the Debian source package of a kernel."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.parts.apt import PrivateApt, newer_lines, source_line
from clusters.parts.sources import os_release, read_sources, stock_source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from clusters.parts.commands import Commands
    from clusters.parts.progress import Step

FIRST_CHOICE = "7.2"
"""The oldest series with `seccomp=on`, which makes a system call in a node three times faster."""

NEWER_SUITES = ("trixie-backports", "sid")
"""Where Debian keeps kernels newer than its release's own."""

_PACKAGE = re.compile(r"^linux-source-(\d+)\.(\d+)$")

# fmt: off
_OTHER_ARCHITECTURES = (
    "alpha", "arc", "arm", "arm64", "csky", "hexagon", "loongarch", "m68k", "microblaze", "mips",
    "nios2", "openrisc", "parisc", "powerpc", "riscv", "s390", "sh", "sparc", "xtensa",
)
_UNUSED_CODE = (
    "drivers/gpu", "drivers/net/ethernet", "drivers/net/wireless", "drivers/media",
    "drivers/infiniband", "drivers/accel", "drivers/staging", "drivers/iio", "sound",
)
# fmt: on
_UNUSED_ELSEWHERE = (
    "*/tools/testing",
    "*/tools/perf",
    "*.dts",
    "*.dtsi",
    "*.json",
    "*/Documentation/*.rst",
    "*/Documentation/*.yaml",
)


def slim_excludes() -> list[str]:
    """Return the tar options that leave out the two thirds of the tree that are never compiled.

    Kconfig files and Makefiles of what is left out stay, because the others read them: even
    crypto/Kconfig reads those of other architectures.
    """
    folders = [f"arch/{name}" for name in _OTHER_ARCHITECTURES] + list(_UNUSED_CODE)
    patterns = [f"*/{folder}/*.{kind}" for folder in folders for kind in "chS"]
    return [f"--exclude={pattern}" for pattern in (*patterns, *_UNUSED_ELSEWHERE)]


def choose(names: Iterable[str], series: str = "") -> str | None:
    """Return the source package to take: the series asked for, else 7.2, else the newest above it.

    None when there is no such package.
    """
    found = _by_series(names)
    wanted = _pair(series or FIRST_CHOICE)
    if wanted in found:
        return found[wanted]
    newer = [pair for pair in found if pair > wanted]
    return found[max(newer)] if newer and not series else None


def newest(names: Iterable[str]) -> str | None:
    """Return the source package of the newest series, None where there is none."""
    found = _by_series(names)
    return found[max(found)] if found else None


def _by_series(names: Iterable[str]) -> dict[tuple[int, int], str]:
    known = {match.groups(): name for name in names if (match := _PACKAGE.match(name))}
    return {(int(major), int(minor)): name for (major, minor), name in known.items()}


def _pair(series: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\.(\d+)", series)
    if not match:
        raise ConfigError(f"a kernel series looks like 7.2, not {series!r}")
    return int(match.group(1)), int(match.group(2))


def series_of(package: str) -> str:
    """Return the series in the name of a source package or its file, such as "7.2"."""
    match = re.search(r"linux(?:-source)?-(\d+\.\d+)", package)
    if not match:
        raise ConfigError(f"{package} does not name a kernel series (linux-source-X.Y ...)")
    return match.group(1)


def fetch(work: Path, series: str, commands: Commands, step: Step) -> Path:
    """Return the source package file in `work`, newest of its series.

    First the newer suites of the machine's own Debian mirror, under the stock Debian keys; second
    the distribution's own kernel source. Raises TestbedError when neither has one.
    """
    sources, codename = read_sources(), os_release().get("VERSION_CODENAME", "")
    stock = stock_source(sources, codename)
    if newer := newer_lines(stock, NEWER_SUITES):
        apt = PrivateApt(work / "apt-newer", newer, commands)
        apt.update(step)
        package = choose(apt.names("^linux-source-"), series)
        if package:
            return apt.download(package, work / "deb", step)
    apt = PrivateApt(work / "apt-own", [source_line(stock, codename)], commands)
    apt.update(step)
    names = apt.names("^linux-source-")
    package = choose(names, series) or (newest(names) if not series else None)
    if not package:
        raise TestbedError(
            f"no package source of this machine offers linux-source-{series or FIRST_CHOICE} "
            f"({', '.join(sorted(names)) or 'it has none at all'}); use the machine's own kernel "
            "(--kp-kernel host), or another series (--kp-kernel-series)"
        )
    return apt.download(package, work / "deb", step)


_TREE = 'tar -x -C "$2" --strip-components=1 "${@:3}"'
_FROM_TAR = f'xz -dc -T0 "$1" | {_TREE}'
_FROM_DEB = (
    f"dpkg-deb --fsys-tarfile \"$1\" | tar -xO --wildcards '*/linux-source-*.tar.xz'"
    f" | xz -dc -T0 | {_TREE}"
)


def unpack(source: Path, tree: Path, commands: Commands, step: Step, *, slim: bool) -> None:
    """Unpacks a `linux-source-*.deb`, or the tar.xz within it, into `tree`, which is emptied first.

    One pipeline, so that nothing but the tree is written. Raises CommandError.
    """
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    step.detail(f"unpacking {source.name}")
    script = _FROM_DEB if source.suffix == ".deb" else _FROM_TAR
    options = slim_excludes() if slim else []
    bash = ["bash", "-o", "pipefail", "-c", script, "unpack"]
    commands.run([*bash, str(source), str(tree), *options])
