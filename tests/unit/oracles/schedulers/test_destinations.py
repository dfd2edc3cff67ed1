"""The kernel's order of destinations and its table in /proc."""

from __future__ import annotations

import pytest

from suites.oracles.schedulers.destinations import Destination, kernel_order, parse_table

TABLE = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr persistent 10800 FFFFFFFF
  -> AC120002:192B      Masq    1      2          0         \n\
UDP  0A60000A:0035 lc \n\
  -> 0AF40103:0035      Masq    0      0          7         \n\
  -> 0AF40102:0035      Masq    1      0          5         \n\
TCP  [fd00:0010:0096:0000:0000:0000:0000:0001]:0050 sh \n\
  -> [fd00:0010:0244:0001:0000:0000:0000:0002]:1F90      Masq    1      0          0         \n\
FWM  00000001 rr \n\
  -> 0AF40103:0035      Masq    1      0          0         \n\
TCP  0A600002:0050 wrr \n"""


def test_table_of_the_kernel_is_read() -> None:
    """Addresses, ports, counters and order are read, for IPv4 and IPv6, and marks left out."""
    assert parse_table(TABLE) == {
        "tcp 10.96.0.1:443": ("rr", [Destination("172.18.0.2:6443", 1, 2, 0)]),
        "udp 10.96.0.10:53": (
            "lc",
            [Destination("10.244.1.3:53", 0, 0, 7), Destination("10.244.1.2:53", 1, 0, 5)],
        ),
        "tcp [fd00:10:96::1]:80": ("sh", [Destination("[fd00:10:244:1::2]:8080", 1, 0, 0)]),
        "tcp 10.96.0.2:80": ("wrr", []),
    }


def test_empty_table_has_no_servers() -> None:
    """The heading alone, or nothing, is no virtual server."""
    assert parse_table("\n".join(TABLE.splitlines()[:3])) == {}
    assert parse_table("") == {}


def test_strange_line_is_an_error() -> None:
    """A line of another form raises instead of being skipped."""
    with pytest.raises(ValueError, match="not a line of /proc/net/ip_vs: 'TCP'"):
        parse_table("\n".join([*TABLE.splitlines()[:3], "TCP"]))


def test_newest_destination_comes_first() -> None:
    """The kernel adds at the head; sorted strings put 10.0.0.10 before 10.0.0.9."""
    endpoints = {"10.0.0.9:80", "10.0.0.10:80", "10.0.0.11:80"}
    assert kernel_order(sorted(endpoints)) == ("10.0.0.9:80", "10.0.0.11:80", "10.0.0.10:80")
