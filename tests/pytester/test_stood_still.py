"""A failure while the machine stood still decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

CASES = '''
import fixtures.session
from clusters.fake import FakeCluster
from fixtures.stillness import Pause

fixtures.session.Stillness.since = lambda self, ago: [Pause("node-1", 9.0, 9.0 - SECONDS)]
FakeCluster.capabilities |= {"node-freeze"}


@case("WAIT-1", feature="x", disruptive=True)
def test_waits_in_vain(run_session, probe):
    """An answer did not come."""
    assert probe().ok
    run_session.recorder.timeouts = TIMEOUTS
    assert False, "1 of 31 connections timed out"


@case("WAIT-2", feature="x", disruptive=True, requires=("node-freeze",))
def test_stops_a_node(run_session, probe):
    """An answer did not come from a node that the case stopped."""
    assert probe().ok
    run_session.recorder.timeouts = TIMEOUTS
    assert False, "1 of 31 connections timed out"
'''


@pytest.mark.parametrize(
    ("seconds", "timeouts", "outcome"),
    [(1.2, 1, "inconclusive"), (0.9, 1, "failed"), (1.2, 0, "failed")],
)
def test_stood_still(judge: Judge, seconds: float, timeouts: int, outcome: str) -> None:
    """Half of what an answer may take is enough, when one was waited for in vain."""
    text = CASES.replace("SECONDS", str(seconds)).replace("TIMEOUTS", str(timeouts))
    judged = judge(text, process=True)
    assert judged.outcomes == {"WAIT-1": outcome, "WAIT-2": "failed"}
    said = next(r.sentence for r in judged.run.results if r.case.id == "WAIT-1")
    assert said.startswith("1 of 31 connections timed out")
    assert ("node-1 stood still for 1.2 s of 2 s" in said) is (outcome == "inconclusive")
