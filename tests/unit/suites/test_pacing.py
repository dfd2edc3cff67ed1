"""Changes that each have a sync of their own."""

from __future__ import annotations

import time

import pytest

from suites.load import pacing
from suites.load.pacing import Pacing


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "SECONDS", 0.1)
    monkeypatch.setattr(pacing, "QUICKEST", 0.01)


@pytest.mark.parametrize(
    ("sync", "rest", "count", "seconds"),
    [(0.001, 0.0, 10, 0.1), (0.008, 0.0, 8, 0.096), (0.02, 0.0, 4, 0.12), (0.001, 0.04, 4, 0.24)],
)
def test_a_change_waits_for_the_sync_before(
    sync: float, rest: float, count: int, seconds: float
) -> None:
    """The slower the slowest node, the fewer changes, but four at least; the last gets its time."""
    made: list[int] = []
    began = time.monotonic()
    assert Pacing().changes([sync, sync / 2], [rest, 0.0], made.append) == count
    assert time.monotonic() - began >= seconds
    assert made == list(range(count))


def test_changes_that_met_cost_nothing_known() -> None:
    """A node that synced less often than changes were made leaves the case undecided."""
    found = Pacing()
    found.synced(20, [20.0, 23.0])
    found.synced(20, [19.0, 20.0])
    assert found.judge().ok is True
    found.synced(20, [20.0, 15.0])
    assert found.judge().ok is None
    assert "6 of 60 changes met others" in found.judge().sentence
