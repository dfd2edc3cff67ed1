"""A search through random lives of Services that shrinks what it finds."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from suites.lives import LENGTH, Enough, lives
from suites.oracles.shrinking import shrink
from suites.replay import Found, replayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suites.oracles.changes import Change
    from suites.trial import Trial

SHRINK_SECONDS = 60.0


class Explorer:
    """Runs lives until `steps` changes or `seconds` are over, or a change has failed."""

    def __init__(self, trial: Trial, steps: int, number: int, *, seconds: float = math.inf) -> None:
        self.trial = trial
        self.steps = steps
        self.seed = number
        self.found = Found()
        self.lives = 0
        self._until = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Tell whether enough has been done, or shrinking has taken its time."""
        if self.found.sentence:
            return time.monotonic() > self._until
        return self.trial.steps >= self.steps or time.monotonic() > self._until

    def failed(self, changes: Sequence[Change], sentence: str) -> None:
        """Note a failure; the first one starts the time that shrinking has."""
        if not self.found.sentence:
            self._until = time.monotonic() + SHRINK_SECONDS
        self.found.keep(changes, sentence)

    def run(self) -> Found:
        """Explore; what is found comes back and is not raised."""
        chosen = settings(
            max_examples=self.steps,
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            # What it finds is shrunk afterwards, see suites/oracles/shrinking.py.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        try:
            while not self.over and not self.found.sentence:
                # The same seed again would be the same lives again.
                number = f"{self.seed} after {self.lives}" if self.lives else self.seed
                run_state_machine_as_test(seed(number)(lives(self)), settings=chosen)
        except Enough:
            pass
        except (AssertionError, HypothesisException, BaseExceptionGroup):
            # Also when it does not fail again as hypothesis has it fail once more (it was kept),
            # and when the end of the time came where hypothesis expected to go on.
            if not self.found.sentence and not self.over:
                raise
        if self.found.sentence:
            shrink(list(self.found.changes), self._attempt, lambda: self.over)
        return self.found

    def _attempt(self, changes: list[Change]) -> list[Change] | None:
        """Make changes in a new life; return those up to the one that failed."""
        self.trial.reset()
        found = replayed(self.trial, changes)
        if not found.sentence:
            return None
        self.failed(found.changes, found.sentence)
        return found.changes
