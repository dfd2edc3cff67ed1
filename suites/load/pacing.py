"""Changes so far from each other that each has a sync of its own, with nobody asking meanwhile.

Waiting for a sync means to ask kube-proxy for its metrics, which costs the node as much processor
time as a sync of few Services: some of it would be measured with it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, right, undecided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SECONDS = 3.0
"""How long changes go on. What one costs spreads by half, so it takes many of them."""

FEWEST = 4
"""Changes that are made at least, however long they take."""

QUICKEST = 0.07
"""Seconds between two changes at least: API server and both nodes may share two processors."""

ROOM = 1.5
"""How many times as long as a sync, or as the rest after it, the time between two changes is."""

SHARED = 0.05
"""Share of changes that may have met in one sync; where it is more, a change has no cost."""


@dataclass
class Pacing:
    """Makes changes, and keeps how many there were and how many syncs."""

    made: int = 0
    fewer: float = 0.0

    def changes(
        self,
        syncs: Sequence[float],
        rests: Sequence[float],
        change: Callable[[int], object],
    ) -> int:
        """Make changes, numbered from 0, and let the last be synced; returns how many.

        `syncs` are the seconds that one takes, `rests` those between two (minSyncPeriod).
        """
        pause = max(QUICKEST, ROOM * max(*syncs, *rests))
        count = max(FEWEST, int(SECONDS / pause))
        began = time.monotonic()
        for number in range(count):
            change(number)
            time.sleep(max(0.0, began + (number + 1) * pause - time.monotonic()))
        return count

    def synced(self, changes: int, syncs: Sequence[float]) -> None:
        """Keep how many syncs the changes took on each node."""
        self.made += changes
        self.fewer += changes - min(*syncs, changes)

    def judge(self) -> Judgement:
        """Judge whether nearly every change had a sync of its own."""
        if self.fewer > SHARED * self.made:
            return undecided(
                f"{self.fewer:.0f} of {self.made} changes met others in a sync of a node, so that "
                "what one of them costs is not known"
            )
        return right(f"{self.made - self.fewer:.0f} of {self.made} changes had a sync each")
