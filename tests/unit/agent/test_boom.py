"""Segments that are read and thrown again: pure bytes."""

from __future__ import annotations

import socket
import struct

import pytest

from fixtures.agent.boom import ACK, AHEAD, BOOM, PSH, Segment, bomb, checksum, parse

SEGMENTS = {
    "ipv4": Segment("10.244.1.2", "10.244.2.3", 8080, 20000, 7, 9, ACK),
    "ipv6": Segment("fd00::2", "fd00::3", 8080, 20000, 0xFFFFFFFF, 9, ACK),
}


def ends(segment: Segment) -> bytes:
    family = socket.AF_INET6 if ":" in segment.source else socket.AF_INET
    return b"".join(socket.inet_pton(family, end) for end in (segment.source, segment.destination))


def packet(segment: Segment, tcp: bytes) -> bytes:
    """Put an IP header before a TCP segment."""
    if ":" in segment.source:
        return struct.pack("!IHBB", 6 << 28, len(tcp), 6, 64) + ends(segment) + tcp
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0)
    return head + ends(segment) + tcp


@pytest.mark.parametrize("family", SEGMENTS)
def test_bomb_is_far_ahead(family: str) -> None:
    """The copy has the original's ends and acknowledgement, and a sequence number far ahead."""
    seen = SEGMENTS[family]
    thrown = parse(packet(seen, bomb(seen)))
    assert thrown is not None
    assert thrown == seen._replace(seq=(seen.seq + AHEAD) % 2**32, flags=ACK | PSH)


@pytest.mark.parametrize("family", SEGMENTS)
def test_checksum_is_right(family: str) -> None:
    """The sum over pseudo header, header and data is zero, or the client drops the copy."""
    seen = SEGMENTS[family]
    tcp = bomb(seen)
    six = family == "ipv6"
    pseudo = struct.pack("!I3xB", len(tcp), 6) if six else struct.pack("!xBH", 6, len(tcp))
    assert checksum(ends(seen) + pseudo + tcp) == 0
    assert tcp.endswith(BOOM)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 60,
        packet(SEGMENTS["ipv4"], b"short"),
        packet(SEGMENTS["ipv4"], bomb(SEGMENTS["ipv4"]))[:9]
        + b"\x11"
        + packet(SEGMENTS["ipv4"], bomb(SEGMENTS["ipv4"]))[10:],
    ],
)
def test_no_segment(raw: bytes) -> None:
    """What is no TCP segment is nobody's."""
    assert parse(raw) is None
