"""What kind of program a file is, from its first bytes (elf(5))."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MACHINES = {
    3: "386",
    8: "mips",
    20: "ppc",
    21: "ppc64le",
    22: "s390x",
    40: "arm",
    62: "amd64",
    183: "arm64",
    243: "riscv64",
    258: "loong64",
}
_LITTLE_ENDIAN = 1
_HEAD_BYTES = 64
_OTHER_KINDS = {
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS program",
    b"MZ": "a Windows program",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive",
    b"\xfd7zXZ": "an xz archive",
    b"!<arch>": "a Debian package or library archive",
}


def architecture(head: bytes) -> str | None:
    """Return the architecture of an ELF header as Go names it, None for what is no whole header.

    An unknown e_machine gives "machine N".
    """
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    order = "<" if head[5] == _LITTLE_ENDIAN else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    return _MACHINES.get(machine, f"machine {machine}")


def describe(head: bytes) -> str:
    """Return what a file that is not ELF seems to be, for a message."""
    if not head:
        return "an empty file"
    for magic, kind in _OTHER_KINDS.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"\x7fELF"):
        return "a program cut off in its header"
    return "not a program" if b"\0" in head else _describe_text(head)


def _describe_text(head: bytes) -> str:
    try:
        # The end of a full head may fall into the middle of a character.
        text = head.decode("utf-8", errors="strict" if len(head) < _HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return "not a program"
    first = (text.strip().splitlines() or [""])[0]
    return f"a script ({first})" if head.startswith(b"#!") else f"a text file ({first[:40]!r} ...)"


def read_head(path: Path) -> bytes:
    """Return the first 64 bytes: a whole ELF header."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)
