"""locust for the Python of somebody else's image: wheels, unpacked, in a tar."""

from __future__ import annotations

import platform
import re
import sys
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.commands import own_tmp

if TYPE_CHECKING:
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

WANTED = ("locust", "hdrhistogram")
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
ROOM = 300_000_000

PLATFORMS = {
    "glibc": ("manylinux2014", "manylinux_2_28", "manylinux_2_34"),
    "musl": ("musllinux_1_1", "musllinux_1_2"),
}
"""Tags of wheels by C library (PEP 600, PEP 656), the oldest first."""

_PYTHON = re.compile(r"^(?:\./)?usr/bin/python(3\.\d+)$")

UNUSED = ("__pycache__", "bin", "include", "tests")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What decides which wheels a CPython can load."""

    version: str
    """Such as "3.13"."""

    machine: str
    """As `uname -m` says."""

    libc: str
    """Either "glibc" or "musl"."""


def get_locust(workshop: Workshop, interpreter: Interpreter) -> Path:
    """Return a tar, compressed, of a folder of modules that `interpreter` can import.

    Raises `TestbedError` where a package has no wheel for it.
    """
    inputs = {
        **asdict(interpreter),
        "wanted": " ".join(WANTED),
        "constraints": CONSTRAINTS.read_text(),
        "recipe": "1",
    }

    def make(work: Path, step: Step) -> None:
        tree, out = work / "tree", work / "out"
        step.detail(f"for Python {interpreter.version} on {interpreter.machine}")
        try:
            workshop.commands.run(arguments(interpreter, tree), env=own_tmp(work))
        except TestbedError as error:
            raise TestbedError(
                f"locust for the pods' Python {interpreter.version} ({interpreter.libc}, "
                f"{interpreter.machine}): {error}"
            ) from error
        out.mkdir(exist_ok=True)
        with tarfile.open(out / "locust.tgz", "w:gz", compresslevel=6) as tar:
            tar.add(tree, ".", filter=_useful)

    entry = workshop.cache.get_or_make(
        "locust-for-pods", inputs, make, workshop.progress, need_bytes=ROOM
    )
    return entry / "locust.tgz"


def interpreter_in(tree: Path) -> Interpreter:
    """Return the Python of a Debian tree in a tar; raises `TestbedError` when it has none."""
    with tarfile.open(tree) as tar:
        found = [match for name in tar.getnames() if (match := _PYTHON.search(name))]
    if not found:
        raise TestbedError(f"{tree}: there is no Python in it")
    return Interpreter(found[0].group(1), platform.machine(), "glibc")


def arguments(interpreter: Interpreter, tree: Path) -> list[str]:
    """Return the command that puts the wheels into a folder."""
    platforms = [f"{tag}_{interpreter.machine}" for tag in PLATFORMS[interpreter.libc]]
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--target", str(tree), "--upgrade", "--no-compile", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", interpreter.version),
        *(word for platform in platforms for word in ("--platform", platform)),
        *("--constraint", str(CONSTRAINTS), *WANTED),
    ]


def _useful(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = member.name.split("/")
    return None if any(part in UNUSED for part in parts[1:3]) else member
