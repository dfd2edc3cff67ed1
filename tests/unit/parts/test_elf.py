"""What kind of program a file is."""

from __future__ import annotations

import struct

import pytest

from clusters.parts.elf import architecture, describe


def header(machine: int, *, order: str = "<") -> bytes:
    data = 1 if order == "<" else 2
    ident = b"\x7fELF" + bytes([2, data, 1]) + bytes(9)
    return ident + struct.pack(f"{order}HH", 2, machine) + bytes(44)


@pytest.mark.parametrize(
    ("machine", "name"), [(62, "amd64"), (183, "arm64"), (3, "386"), (40, "arm"), (243, "riscv64")]
)
def test_the_machine_is_named_as_go_names_it(machine: int, name: str) -> None:
    """e_machine decides, little-endian."""
    assert architecture(header(machine)) == name


def test_a_big_endian_header_is_read_in_its_own_order() -> None:
    """s390x stores e_machine with the high byte first."""
    assert architecture(header(22, order=">")) == "s390x"


def test_an_unknown_machine_keeps_its_number() -> None:
    """A new architecture is not an error of the reader."""
    assert architecture(header(9999)) == "machine 9999"


@pytest.mark.parametrize("head", [b"", b"\x7fELF", header(62)[:19], b"\x7fELG" + header(62)[4:]])
def test_what_is_no_whole_header_has_no_architecture(head: bytes) -> None:
    """A cut or different header is not guessed at."""
    assert architecture(head) is None


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "an empty file"),
        (b"#!/bin/sh\necho", "a script (#!/bin/sh)"),
        (b"hello world\nsecond", "a text file ('hello world' ...)"),
        (b"MZ\x90\0", "a Windows program"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"\x7fELF\x02", "a program cut off in its header"),
        (b"\x00\x01\x02\x03", "not a program"),
        (b"\xff\xfe\xfd", "not a program"),
        (("x" * 63 + "ä").encode()[:64], f"a text file ({'x' * 40!r} ...)"),
    ],
)
def test_other_files_are_described(head: bytes, said: str) -> None:
    """The message names what the user gave, in words."""
    assert describe(head) == said
