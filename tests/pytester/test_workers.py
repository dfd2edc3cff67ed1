"""Cases beside each other: in processes of their own, disruptive ones alone and last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

MEET = '''
import os
import time
from pathlib import Path


def meet(name, others):
    """Say that this case has begun, and wait until the others have."""
    Path(name).touch()
    end = time.monotonic() + 10
    while not all(Path(other).exists() for other in others):
        assert time.monotonic() < end, "the others do not run at the same time"
        time.sleep(0.01)
'''

CASES = (
    MEET
    + '''
@case("DIS-1", feature="x", disruptive=True)
def test_disruptive(probe, observe):
    """Nothing runs beside it."""
    assert probe().ok
    Path("disrupted").touch()
    observe("pid", os.getpid())


@case("ONE-1", feature="x")
def test_first(probe, observe):
    """It runs beside the second."""
    meet("one", ["two"])
    assert probe().ok
    assert not Path("disrupted").exists()
    observe("pid", os.getpid())


@case("ONE-2", feature="x")
def test_second(probe, observe):
    """It runs beside the first."""
    meet("two", ["one"])
    assert probe().ok
    assert not Path("disrupted").exists()
    observe("pid", os.getpid())
'''
)

SLOW = (
    MEET
    + '''
@case("ONE-1", feature="x")
def test_first(probe):
    """It is quick."""
    meet("one", ["three"])
    assert probe().ok


@case("ONE-2", feature="x")
def test_second(probe):
    """It is quick."""
    meet("two", ["three"])
    assert probe().ok


@case("ONE-3", feature="x", slow=True)
def test_third(probe):
    """It is slow."""
    meet("three", [])
    assert probe().ok
'''
)

DEADLY = '''
import os


@case("ONE-1", feature="x")
def test_first(probe):
    """Its process ends in the middle."""
    os._exit(1)


@case("ONE-2", feature="x")
def test_second(probe):
    """It is not touched by that."""
    assert probe().ok
'''

FAILING = '''
@case("ONE-1", feature="x")
def test_first(probe):
    """It fails."""
    assert probe().ok
    assert False, "as it must"


@case("ONE-2", feature="x")
def test_second(probe):
    """It passes."""
    assert probe().ok


@case("ONE-3", feature="x", disruptive=True)
def test_third(probe):
    """It comes last."""
    assert probe().ok
'''


def test_cases_overlap(judge: Judge) -> None:
    """Cases run at the same time in processes of their own; a disruptive one runs after them."""
    judged = judge(CASES, "--kp-parallel", "2")
    assert judged.outcomes == {"DIS-1": "passed", "ONE-1": "passed", "ONE-2": "passed"}
    assert judged.status == 0
    pids = {result.case.id: result.observations["pid"] for result in judged.run.results}
    assert len(set(pids.values())) == 3
    assert "3 passed" in judged.out


def test_slow_ones_begin_first(judge: Judge) -> None:
    """What takes long is given out before what stands ahead of it in the file.

    The two quick ones would both wait for it, and it for one of them.
    """
    judged = judge(SLOW, "--kp-parallel", "2")
    assert judged.outcomes == {"ONE-1": "passed", "ONE-2": "passed", "ONE-3": "passed"}


def test_worker_that_dies_is_ours(judge: Judge) -> None:
    """A worker's death leaves its case inconclusive and is the harness's; the others go on."""
    judged = judge(DEADLY, "--kp-parallel", "2")
    assert judged.outcomes == {"ONE-1": "inconclusive", "ONE-2": "passed"}
    assert judged.status == 3
    assert "ended in the middle" in judged.out


def test_failures_are_counted(judge: Judge) -> None:
    """A failure in a worker is a failure of the run, and what comes after still runs."""
    judged = judge(FAILING, "--kp-parallel", "2")
    assert judged.outcomes == {"ONE-1": "failed", "ONE-2": "passed", "ONE-3": "passed"}
    assert judged.status == 1


def test_exit_first_stops(judge: Judge) -> None:
    """With -x nothing begins after the first failure."""
    judged = judge(FAILING, "--kp-parallel", "2", "-x")
    assert judged.outcomes["ONE-1"] == "failed"
    assert "ONE-3" not in judged.outcomes
    assert judged.status == 1
