"""Sweeps: many targets in one question, each with an outcome of its own."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixtures.agent.client import Agent

LOOPBACK = "127.0.0.1"


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def test_every_target_has_its_own_outcome(client: Agent, tcp: int, udp: int) -> None:
    """Answers, refusals and silences keep the order in which they were asked for."""
    nobody = closed_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((LOOPBACK, 0))
        silent = mute.getsockname()[1]
        attempts = client.sweep(
            [
                (LOOPBACK, tcp, "tcp", 0, 2.0),
                (LOOPBACK, nobody, "tcp", 0, 2.0),
                (LOOPBACK, udp, "udp", 0, 2.0),
                (LOOPBACK, nobody, "udp", 0, 2.0),
                (LOOPBACK, silent, "udp", 0, 0.2),
            ]
        )
    assert attempts.outcome == ["ok", "refused", "ok", "refused", "timeout"]
    assert attempts.backend == ["pod-a", None, "pod-a", None, None]
    assert attempts.server_port[0] == tcp
    assert attempts.local_port[0]
    assert attempts.local_port[2]


def test_source_ports_are_kept(client: Agent, tcp: int, udp: int) -> None:
    """A source port that is asked for is the one that the server sees."""
    first, second = closed_port(), closed_port()
    attempts = client.sweep(
        [(LOOPBACK, tcp, "tcp", first, 1.0), (LOOPBACK, udp, "udp", second, 1.0)]
    )
    assert attempts.source == [f"{LOOPBACK}:{first}", f"{LOOPBACK}:{second}"]


def test_silences_cost_one_timeout(client: Agent, tcp: int) -> None:
    """Fifty dropped attempts take no longer than one, and delay nobody's answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((LOOPBACK, 0))
        wanted = [(LOOPBACK, mute.getsockname()[1], "udp", 0, 0.3)] * 50
        began = time.monotonic()
        attempts = client.sweep([*wanted, (LOOPBACK, tcp, "tcp", 0, 2.0)])  # type: ignore[list-item]
    assert time.monotonic() - began < 5.0
    assert attempts.outcomes() == {"timeout": 50, "ok": 1}


def test_more_than_fit_at_once(client: Agent, tcp: int) -> None:
    """Every one of many attempts is made."""
    attempts = client.sweep([(LOOPBACK, tcp, "tcp", 0, 2.0)] * 400)
    assert attempts.outcomes() == {"ok": 400}
