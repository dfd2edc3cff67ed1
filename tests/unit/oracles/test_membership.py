"""Judges of who was a backend when, against histories made by hand."""

from __future__ import annotations

import math

from suites.oracles.history import Stay, Tried, Window
from suites.oracles.membership import (
    arrived,
    deadline,
    returns,
    stale,
    without_late_replies,
)

BEFORE = (-math.inf, -math.inf)
BOUND = 1.0


def tried(at: float, backend: str, load: str = "pod", outcome: str = "ok") -> Tried:
    """Return one attempt that took 10 ms."""
    return Tried(at, at + 0.01, outcome, backend if outcome == "ok" else None, load)


def turns(start: float, end: float, *backends: str, load: str = "pod") -> list[Tried]:
    """Return twenty attempts a second that go round the backends."""
    count = int((end - start) * 20)
    return [tried(start + n / 20, backends[n % len(backends)], load) for n in range(count)]


GOES = Stay("b", BEFORE, (5.0, 5.02))
STAYS = Stay("a", BEFORE)
COMES = Stay("c", (5.0, 5.02))


def test_a_removed_backend_falls_silent() -> None:
    """Connections within the bound are fine, and the last of them is the figure."""
    history = turns(0, 5.4, "a", "b") + turns(5.4, 9, "a")
    judged = stale(history, [STAYS, GOES], BOUND)
    assert judged.ok is True
    assert 0.25 < judged.figures["stale_s"] < 0.4


def test_a_stale_backend_is_wrong() -> None:
    """A single connection after the bound is one too many."""
    history = [*turns(0, 5, "a", "b"), *turns(5, 9, "a"), tried(8.02, "b", "outside")]
    judged = stale(history, [STAYS, GOES], BOUND)
    assert judged.ok is False
    assert "outside" in judged.sentence
    assert "3.00 s after it was removed" in judged.sentence


def test_the_write_itself_may_take_effect_at_any_moment() -> None:
    """What reaches it while the write is under way is not stale."""
    history = [*turns(0, 5, "a", "b"), tried(5.01, "b"), *turns(5.02, 9, "a")]
    assert stale(history, [STAYS, GOES], 0.0).ok is True


def test_a_backend_that_joins_again_is_none_of_the_removed() -> None:
    """Each connection is judged by the latest removal, and none while it is back."""
    again = Stay("b", (6.0, 6.01), (7.0, 7.01))
    history = (
        turns(0, 5, "a", "b") + turns(5, 6, "a") + turns(6, 7.1, "a", "b") + turns(7.1, 9, "a")
    )
    judged = stale(history, [STAYS, GOES, again], BOUND)
    assert judged.ok is True
    assert judged.figures["stale_s"] < 0.2


def test_a_deaf_node_has_its_time_after_the_fault() -> None:
    """While a window lasts nothing is expected; its end begins the bound."""
    fault = [Window(4.0, 7.0)]
    history = turns(0, 7.5, "a", "b") + turns(7.5, 9, "a")
    assert stale(history, [STAYS, GOES], BOUND).ok is False
    assert stale(history, [STAYS, GOES], BOUND, fault).ok is True
    assert stale(turns(0, 9, "a", "b"), [STAYS, GOES], BOUND, fault).ok is False


def test_deadlines_wait_for_windows_that_follow_each_other() -> None:
    """A window that begins before the deadline puts it off, one that is over does not."""
    assert deadline(5.0, 1.0, []) == 6.0
    assert deadline(5.0, 1.0, [Window(1.0, 4.0)]) == 6.0
    assert deadline(5.0, 1.0, [Window(4.0, 7.0), Window(7.5, 8.0)]) == 9.0
    assert deadline(5.0, 1.0, [Window(6.5, 8.0)]) == 6.0


def test_an_added_backend_is_reached() -> None:
    """The figure is the time to its first connection near each load."""
    history = turns(0, 5.5, "a") + turns(5.5, 12, "a", "c")
    judged = arrived(history, [STAYS, COMES], BOUND)
    assert judged.ok is True
    assert 0.4 < judged.figures["first_packet_s"] < 0.6


def test_a_backend_that_never_joins_is_wrong() -> None:
    """A load that never reaches it, in enough connections, shows that it is not programmed."""
    history = (
        turns(0, 12, "a") + turns(0, 5, "a", load="other") + turns(5, 12, "a", "c", load="other")
    )
    judged = arrived(history, [STAYS, COMES], BOUND)
    assert judged.ok is False
    assert "of pod" in judged.sentence


def test_a_backend_that_joins_too_late_is_wrong() -> None:
    """That it is reached in the end does not help."""
    history = turns(0, 11, "a") + turns(11, 14, "a", "c")
    assert arrived(history, [STAYS, COMES], BOUND).ok is False
    assert arrived(history, [STAYS, COMES], BOUND, [Window(4.9, 10.5)]).ok is True


def test_few_connections_do_not_show_an_absence() -> None:
    """By chance a few connections all miss it."""
    assert arrived(turns(0, 6.5, "a"), [STAYS, COMES], BOUND).ok is True


def test_one_reply_may_be_lost_with_its_backend() -> None:
    """Of each load of datagrams one, near a removal, and none of a load of connections."""
    lost = [tried(5.1, "x", load, "timeout") for load in ("UDP", "UDP", "pod")]
    assert without_late_replies(lost, [STAYS, GOES], BOUND, {"UDP"}) == lost[1:]
    assert without_late_replies(lost, [STAYS], BOUND, {"UDP"}) == lost
    later = [tried(6.5, "x", "UDP", "timeout"), tried(5.1, "x", "UDP", "refused")]
    assert without_late_replies(later, [STAYS, GOES], BOUND, {"UDP"}) == later


def test_who_left_before_returns() -> None:
    """A backend that joins for the first time returns from nowhere."""
    again = Stay("b", (6.0, 6.5))
    assert returns([STAYS, GOES, COMES, again], BOUND) == {"b": [Window(6.0, 7.5, "b returned")]}
