"""An agent tells when nothing ran where it is."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from fixtures.stillness import Stillness

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
        name, seconds = both.longest(since=5.0)
        assert name == "node-1"
        assert 0.6 < seconds < 3.0
        # What ended before the case began is no excuse for it.
        assert both.longest(since=0.05)[1] <= 0.05


def test_agent_that_is_gone_says_nothing(launch: Launch) -> None:
    """Nobody is excused by who cannot be asked."""
    with launch(pod="node-1") as (agent, _):
        gone = Stillness({"node-1": agent})
        gone.watch()
    assert gone.longest(since=60.0) == ("", 0.0)
