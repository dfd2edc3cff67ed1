"""Judges of what became of connections, and the sentences they say it with."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.outcomes import all_ok, backends_seen, covers, only, reach
from suites.oracles.routing import Expected

WEB = frozenset({"web-1", "web-2", "web-3"})
ANYONE = Expected(WEB, None, None)
NOBODY = Expected(frozenset(), "refused", None)


def columns(*fates: tuple[str, int], errors: str | None = None) -> dict[str, list[Any]]:
    """Columns of this many attempts each: a backend's name, or an outcome."""
    rows = [fate for fate, count in fates for _ in range(count)]
    arrived = [fate.startswith("web-") for fate in rows]
    return {
        "outcome": ["ok" if there else fate for fate, there in zip(rows, arrived, strict=True)],
        "backend": [fate if there else None for fate, there in zip(rows, arrived, strict=True)],
        "error": [None if there else errors for there in arrived],
    }


def test_all_arrived() -> None:
    """Every connection at one of the right backends is right, even if one of them saw none."""
    judgement = reach(columns(("web-1", 2), ("web-2", 1)), ANYONE)
    assert judgement.ok is True
    assert judgement.sentence == "all 3 connections reached web-1, web-2 or web-3"


def test_timeouts_are_told_and_shown() -> None:
    """The sentence says what was seen and what is right, the table counts everything."""
    judgement = reach(columns(("web-1", 200), ("web-2", 88), ("timeout", 12)), ANYONE)
    assert judgement.ok is False
    assert judgement.sentence == (
        "12 of 300 connections timed out; every one should have reached web-1, web-2 or web-3"
    )
    assert judgement.table.splitlines() == [
        "endpoint | expected | seen",
        "web-1    | yes      | 200",
        "web-2    | yes      | 88",
        "web-3    | yes      | 0",
        "timeout  | no       | 12",
    ]
    assert judgement.figures == {"connections": 300.0, "wrong": 12.0}


def test_several_faults_in_one_sentence() -> None:
    """The most frequent fault comes first."""
    judgement = reach(columns(("web-9", 1), ("refused", 1), ("timeout", 5), ("web-1", 3)), ANYONE)
    assert judgement.sentence.startswith(
        "5 of 10 connections timed out, 1 reached web-9 and 1 was refused; "
    )


def test_nobody_may_be_reached() -> None:
    """Where a refusal is right, an answer and a timeout are both wrong."""
    assert reach(columns(("refused", 4)), NOBODY).sentence == "all 4 connections were refused"
    judgement = reach(columns(("web-1", 1), ("refused", 3)), NOBODY)
    assert judgement.sentence == (
        "1 of 4 connections reached web-1; every one should have been refused"
    )
    assert reach(columns(("timeout", 4)), NOBODY).ok is False


@pytest.mark.parametrize(
    ("otherwise", "fate", "ok"),
    [
        ("dropped", "timeout", True),
        ("dropped", "refused", False),
        ("dropped", "unreachable", False),
        ("refused", "unreachable", False),
        ("refused-or-dropped", "timeout", True),
        ("refused-or-dropped", "refused", True),
        ("refused-or-dropped", "reset", False),
    ],
)
def test_how_a_connection_may_end(otherwise: Any, fate: str, ok: bool) -> None:  # noqa: FBT001
    """Only the endings that are expected are right."""
    assert reach(columns((fate, 2)), Expected(frozenset(), otherwise, None)).ok is ok


def test_not_permitted_is_dropped() -> None:
    """A UDP sender on the node is told when its packet is dropped, which is no refusal."""
    told = columns(("unreachable", 2), errors="[Errno 1] Operation not permitted")
    assert reach(told, Expected(frozenset(), "dropped", None)).ok is True
    assert reach(told, NOBODY).ok is False
    assert only(told, "unreachable").ok is True


def test_either_backend_or_ending_is_right() -> None:
    """With both backends and an ending expected, each connection may have either."""
    either = Expected(frozenset({"web-1"}), "dropped", None)
    assert reach(columns(("web-1", 1), ("timeout", 1)), either).sentence == (
        "all 2 connections reached web-1, or timed out"
    )
    assert reach(columns(("web-2", 1)), either).ok is False


@pytest.mark.parametrize("right", [ANYONE, NOBODY, Expected(WEB, "dropped", None)])
def test_no_attempts_decide_nothing(right: Expected) -> None:
    """A case that passes must have seen a packet."""
    assert reach(columns(), right).ok is None
    assert only(columns(), "refused").ok is None


def test_faults_of_the_probe_decide_nothing_by_themselves() -> None:
    """What the probe could not make is undecided, unless the rest is wrong."""
    judgement = reach(columns(("web-1", 9), ("error", 1)), ANYONE)
    assert judgement.ok is None
    assert "1 of 10 connections was not made, as the probe failed" in judgement.sentence
    assert reach(columns(("web-1", 8), ("error", 1), ("reset", 1)), ANYONE).ok is False
    assert only(columns(("refused", 1), ("error", 1)), "refused").ok is None


@given(
    st.dictionaries(
        st.sampled_from(["web-1", "web-2", "web-9", "timeout", "garbled"]), st.integers(1, 9)
    )
)
def test_ok_means_every_single_one(counts: dict[str, int]) -> None:
    """A judgement is right if and only if there was something and all of it was right."""
    judgement = all_ok(columns(*counts.items()), WEB)
    assert (judgement.ok is True) == (bool(counts) and set(counts) <= WEB)
    assert (judgement.ok is None) == (not counts)


def test_backends_are_counted() -> None:
    """Only connections that succeeded count for a backend."""
    assert backends_seen(columns(("web-1", 2), ("timeout", 3), ("web-2", 1))) == Counter(
        {"web-1": 2, "web-2": 1}
    )


def test_only_one_outcome() -> None:
    """Every connection must have had the outcome, wherever it arrived."""
    assert only(columns(("web-1", 2), ("web-7", 1)), "ok").sentence == (
        "all 3 connections succeeded"
    )
    judgement = only(columns(("timeout", 2), ("web-1", 1)), "timeout")
    assert judgement.sentence == "1 of 3 connections reached web-1; every one should have timed out"


def test_coverage_of_every_backend() -> None:
    """A backend not seen is wrong only after as many connections as make that no chance."""
    assert covers(columns(("web-1", 1), ("web-2", 1), ("web-3", 1)), WEB, alpha=1e-9).ok is True
    assert covers(columns(("web-1", 5), ("web-2", 4)), WEB, alpha=1e-9).ok is None
    judgement = covers(columns(("web-1", 50), ("web-2", 50)), WEB, alpha=1e-9)
    assert judgement.ok is False
    assert judgement.sentence == "none of 100 connections reached web-3"
    assert covers(columns(("web-1", 5)), [], alpha=1e-9).ok is None
