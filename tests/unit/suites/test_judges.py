"""Judges of attempts: right, wrong by name, and undecided without evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.agent.attempts import Attempts
from suites.judges import (
    arrives_at,
    dropped,
    one_backend,
    same_backends,
    seen_as,
    unbroken,
    without_late_replies,
)
from tests.unit.attempts import attempts as rows


def attempts(*rows: tuple[str, str | None, str | None, int | None]) -> Attempts:
    """Return attempts of (outcome, backend, source address, server port)."""
    outcome, backend, source, port = zip(*rows, strict=True) if rows else ((), (), (), ())
    count = len(rows)
    return Attempts(
        at_ns=list(range(count)),
        late_ns=[0] * count,
        connect_ns=[1] * count,
        first_byte_ns=[1] * count,
        outcome=list(outcome),
        backend=list(backend),
        node=[None] * count,
        source=[f"[{address}]:4000" if address else None for address in source],
        local_port=[4000] * count,
        server_ip=[None] * count,
        server_port=list(port),
        seq=[None] * count,
        retransmits=[0] * count,
        error=[None] * count,
    )


A = ("ok", "x/a", "fd00::1", 8080)
B = ("ok", "x/b", "fd00::2", 9090)
REFUSED = ("refused", None, None, None)
ALIVE = ("alive", "x/a", None, None)


def test_unbroken() -> None:
    """One failure among many is wrong, counted and named."""
    assert unbroken(attempts(A, B), "meanwhile").ok is True
    wrong = unbroken(attempts(A, REFUSED, B), "meanwhile")
    assert wrong.ok is False
    assert "1 of 3 connections meanwhile failed" in wrong.sentence
    assert "refused" in wrong.sentence
    assert unbroken(attempts(), "meanwhile").ok is None


def test_reply_that_came_too_late_for_its_real_server() -> None:
    """One datagram whose reply has the endpoint's address is left out, if the flow goes on."""
    late = {"outcome": "garbled", "backend": None, "error": "answer from 10.244.2.127 port 8080"}
    broken = late | {"error": "not what an agent says"}
    assert unbroken(without_late_replies(rows({}, late, {})), "meanwhile").ok is True
    assert unbroken(without_late_replies(rows({}, late)), "meanwhile").ok is False
    assert unbroken(without_late_replies(rows({}, late, late, {})), "meanwhile").ok is False
    assert unbroken(without_late_replies(rows({}, broken, {})), "meanwhile").ok is False
    assert (
        unbroken(without_late_replies(rows({"outcome": "timeout", "backend": None}, {})), "").ok
        is False
    )


def test_one_backend() -> None:
    """A client that meets two backends has no affinity, and both are named."""
    assert one_backend(attempts(A, A)).ok is True
    wrong = one_backend(attempts(A, B))
    assert wrong.ok is False
    assert "x/a (1)" in wrong.sentence
    assert "x/b (1)" in wrong.sentence
    assert one_backend(attempts(REFUSED)).ok is None


@pytest.mark.parametrize(
    ("ports", "ok"),
    [
        ({"x/a": 8080, "x/b": 9090}, True),
        ({"x/a": 8080, "x/b": 8080}, False),
        ({"x/a": 8080}, False),
    ],
)
def test_arrives_at(ports: dict[str, int], ok: bool) -> None:  # noqa: FBT001 - a table's column
    """Each backend is reached on its own port, and no other backend at all."""
    judgement = arrives_at(attempts(A, B), ports)
    assert judgement.ok is ok
    assert ("x/b on 9090" in judgement.sentence) is not ok


def test_arrives_at_needs_an_answer() -> None:
    """Without an answer nothing is shown."""
    assert arrives_at(attempts(REFUSED), {"x/a": 8080}).ok is None


def test_seen_as() -> None:
    """Each backend sees the address meant for it; another one is named with both."""
    assert seen_as(attempts(A, B), {"x/a": "fd00::1", "x/b": "fd00::2"}, "the client").ok is True
    wrong = seen_as(attempts(A, B), {"x/a": "fd00::1", "x/b": "fd00::1"}, "the client")
    assert wrong.ok is False
    assert "x/b saw fd00::2 and not fd00::1" in wrong.sentence
    assert seen_as(attempts(REFUSED), {}, "the client").ok is None


def test_same_backends() -> None:
    """Held connections live on where they were; an end, and a change of backend, are wrong."""
    assert same_backends(attempts(A, A), attempts(ALIVE, ALIVE)).ok is True
    ended = same_backends(attempts(A, A), attempts(ALIVE, ("reset", None, None, None)))
    assert ended.ok is False
    assert "1 of 2 open connections ended: reset" in ended.sentence
    moved = same_backends(attempts(A), attempts(B))
    assert moved.ok is False
    assert "from x/a to x/b" in moved.sentence
    assert same_backends(attempts(A, REFUSED), attempts(ALIVE, ALIVE)).ok is None


def test_same_backends_but_for_those_that_may_end() -> None:
    """Only connections to the backends that are named may have ended, and none may move."""
    after = attempts(ALIVE, ("reset", None, None, None))
    assert same_backends(attempts(A, B), after, {B[1]}).ok is True
    assert same_backends(attempts(A, B), after, {A[1]}).ok is False
    assert same_backends(attempts(A, B), attempts(B, B), {A[1]}).ok is False


def test_a_handshake_is_an_answer() -> None:
    """In TCP nothing was dropped that got as far as a connection; UDP has no handshake."""
    silent = attempts(("timeout", None, None, None))
    assert dropped(silent, "udp").ok is True
    wrong = dropped(silent, "tcp")
    assert wrong.ok is False
    assert "1 of 1 connections were established" in wrong.sentence
    assert dropped(replace(silent, connect_ns=[None]), "tcp").ok is True
    assert dropped(attempts(REFUSED), "tcp").ok is False
    assert dropped(attempts(), "tcp").ok is None
