"""Judges of flows that are followed for a while."""

from __future__ import annotations

from fixtures.agent.attempts import Attempt, Attempts
from suites.conformance.test_affinity_paths import stayed


def attempts(*rows: tuple[float, int | None]) -> Attempts:
    """Return attempts made at these seconds, each answered on a port, or not at all."""
    made = [
        Attempt(
            at_ns=int(at * 1e9),
            late_ns=0,
            connect_ns=1,
            first_byte_ns=1,
            outcome="ok" if port else "timeout",
            backend="ns/pod" if port else None,
            node="node-1",
            source=None,
            local_port=1,
            server_ip=None,
            server_port=port,
            seq=1,
            retransmits=0,
            error=None,
        )
        for at, port in rows
    ]
    return Attempts._from(made)


def test_one_endpoint_all_the_time() -> None:
    assert stayed(attempts((0, 9000), (1, 9000), (9, 9000)), 3).ok is True


def test_another_endpoint_without_a_pause() -> None:
    judged = stayed(attempts((0, 9000), (1, 9000), (2, 9001)), 3)
    assert judged.ok is False
    assert "2.0 s" in judged.sentence


def test_a_pause_decides_nothing() -> None:
    """A client that a busy machine kept away for too long may have another endpoint."""
    assert stayed(attempts((0, 9000), (5, 9001)), 3).ok is None


def test_failures_decide_nothing() -> None:
    assert stayed(attempts((0, 9000), (1, None)), 3).ok is None
    assert stayed(attempts(), 3).ok is None


def test_rows_of_attempts() -> None:
    """Rows are counted as in a slice."""
    some = attempts((0, 1), (1, 2), (2, 3))
    assert some.rows(-1).server_port == [3]
    assert some.rows(1).server_port == [2, 3]
    assert some.rows(0, 1).server_port == [1]
