"""An agent tells when nothing ran where it is."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.agent.agent import Pulse
from fixtures.stillness import Pause, Stillness, most_within

if TYPE_CHECKING:
    from tests.unit.agent.conftest import Launch


def test_pause_is_told(launch: Launch) -> None:
    """A process that was stopped for a while beats late, once; one that was not does not."""
    with launch(pod="node-1") as (one, process), launch(pod="node-2") as (other, _):
        both = Stillness({"node-1": one, "node-2": other})
        both.watch()
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(0.8)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.3)
        # A busy machine has pauses of its own.
        pause = max(both.since(5.0), key=lambda p: p.seconds)
        assert pause.name == "node-1"
        assert 0.6 < pause.seconds < 3.0
        # What was before the case began is no excuse for it.
        middle = (pause.begin + pause.end) / 2
        assert "node-1" in {p.name for p in both.since(middle)}
        assert all(p.begin <= middle for p in both.since(middle))
        assert all(p.begin <= 0.05 for p in both.since(0.05))


def test_pause_that_no_beat_has_ended_is_told() -> None:
    """Whoever asks first after a pause hears of it, though the next beat is still to come."""
    pulse = Pulse()
    assert pulse.pauses(pulse.due + Pulse.LATE_NS) == []
    late = pulse.due + Pulse.LATE_NS + 1
    assert pulse.pauses(late) == [(pulse.due, late)]


def test_agent_that_is_gone_says_nothing(launch: Launch) -> None:
    """Nobody is excused by who cannot be asked."""
    with launch(pod="node-1") as (agent, _):
        gone = Stillness({"node-1": agent})
        gone.watch()
    assert gone.since(60.0) == []


@pytest.mark.parametrize(
    ("pauses", "seconds"),
    [
        ([], 0.0),
        ([("a", 9.0, 8.5)], 0.5),
        ([("a", 9.0, 4.0)], 2.0),
        # One after the other they add up, at the same time they do not.
        ([("a", 9.0, 8.4), ("b", 8.2, 7.6)], 1.2),
        ([("a", 9.0, 8.4), ("b", 8.8, 8.2)], 0.8),
        ([("a", 9.0, 8.4), ("b", 8.8, 8.6), ("a", 8.2, 8.0)], 0.8),
        # What is further away than an answer may take does not.
        ([("a", 9.0, 8.4), ("b", 6.8, 6.2)], 0.6),
        ([("a", 9.0, 8.4), ("b", 7.2, 6.2)], 1.0),
    ],
)
def test_pauses_add_up(pauses: list[tuple[str, float, float]], seconds: float) -> None:
    """The most within two seconds."""
    most, who = most_within([Pause(*pause) for pause in pauses], 2.0)
    assert most == pytest.approx(seconds)
    assert bool(who) is bool(pauses)


def test_those_who_stood_still_are_named() -> None:
    """Only those of the window, the first of them first."""
    far, first, second = Pause("c", 20.0, 19.0), Pause("a", 9.0, 8.2), Pause("b", 8.1, 7.3)
    assert most_within([second, far, first], 2.0)[1] == [first, second]
    assert str(second) == "b 0.8 s"
