"""Random walks come again by their seed and by their line, and hold only what a cluster can do."""

from __future__ import annotations

import math

import pytest

from fixtures.faults import ApiDown, Frozen
from fixtures.history import Span, longest_retry
from suites.chaos.effects import EFFECTS, TOGETHER
from suites.chaos.walk import Allowed, Step, draw, from_line, to_line
from suites.oracles.shrinking import shortest

ABLE = frozenset().union(*(kind.requires for kind in EFFECTS))


def test_a_seed_is_a_walk() -> None:
    """The same seed gives the same steps, another one others."""
    walk = draw(7, 20, "node-2", ABLE)
    assert walk == draw(7, 20, "node-2", ABLE)
    assert walk != draw(8, 20, "node-2", ABLE)
    assert len({type(step.faults[0]) for step in walk}) > 5
    assert any(len(step.faults) == 2 for step in walk)


def test_a_line_is_a_walk() -> None:
    """What was printed is read as what was made."""
    walk = draw(3, 30, "node-2", ABLE)
    assert from_line(to_line(walk)) == walk


def test_only_what_the_cluster_can_do() -> None:
    """A cluster without the capability does not get the fault."""
    walk = draw(1, 200, "node-2", ABLE - {"node-freeze", "api-restart"})
    kinds = {type(fault) for step in walk for fault in step.faults}
    assert kinds
    assert not kinds & {Frozen, ApiDown}


def test_partners_are_no_opposites() -> None:
    """No fault has itself for a partner, and every one has an effect."""
    for first, partners in TOGETHER.items():
        assert first not in partners
        assert {first, *partners} <= set(EFFECTS)


def test_what_a_fault_excuses() -> None:
    """A frozen node excuses everybody for as long again, an API server that is down nobody."""
    allowed = Allowed()
    allowed.add(Span("f", "fault", 10.0, 13.0), EFFECTS[Frozen])
    allowed.add(Span("a", "fault", 20.0, 22.0), EFFECTS[ApiDown])
    assert [(span.start, span.end) for span in allowed.excused] == [(10.0, 16.0)]
    assert [(span.start, span.end) for span in allowed.deaf_all] == [(20.0, 31.6)]
    assert not allowed.excused_near


def test_an_outage_after_another() -> None:
    """A watch waits the longer for the failures before, unless they are two minutes ago."""
    allowed = Allowed()
    for start, end in ((0.0, 4.0), (20.0, 22.0), (300.0, 303.0), (310.0, 350.0)):
        allowed.add(Span("a", "fault", start, end), EFFECTS[ApiDown])
    ends = [4.0, 22.0, 303.0, 350.0]
    over = [4.0, 2.0 + 23.2, 3.0, 40.0 + 22.2]
    assert [span.end for span in allowed.deaf_all] == pytest.approx(
        [end + longest_retry(missed) for end, missed in zip(ends, over, strict=True)]
    )


def test_the_shortest_walk_that_fails() -> None:
    """Of many steps the two that are needed are left, in few tries."""
    steps = [Step((Frozen(f"node-{number}"),), 0, 1) for number in range(16)]
    tries = 0

    def fails(some: list[Step]) -> bool:
        nonlocal tries
        tries += 1
        return steps[3] in some and steps[12] in some

    assert shortest(steps, fails, lambda: False) == [steps[3], steps[12]]
    assert tries < 60
    assert shortest(steps, fails, lambda: True) == steps
    assert shortest(steps[:1], lambda _: True, lambda: False) == steps[:1]
    assert math.isinf(Span("x", "fault", 1.0).end)
