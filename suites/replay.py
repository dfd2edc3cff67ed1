"""Changes made in a cluster one after the other, looked at, and what failed of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from suites.oracles.changes import Change, apply, change_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suites.trial import Trial


@dataclass
class Found:
    """The shortest sequence of changes that failed, and how."""

    changes: list[Change] = field(default_factory=list)
    sentence: str = ""
    tries: int = 0

    def keep(self, changes: Sequence[Change], sentence: str) -> None:
        """Take over a sequence that is no longer than the one before."""
        self.tries += 1
        if not self.sentence or len(changes) <= len(self.changes):
            self.changes, self.sentence = list(changes), sentence


def replay(trial: Trial, line: str) -> Found:
    """Make the changes of a line that `to_line` wrote."""
    return replayed(trial, [change_from(entry) for entry in json.loads(line)])


def replayed(trial: Trial, changes: Sequence[Change]) -> Found:
    """Make changes until one fails; after the last one there is a look in any case."""
    made: list[Change] = []
    found = Found()
    for number, change in enumerate(changes, start=1):
        made.append(replace(change, hasty=change.hasty and number < len(changes)))
        try:
            make(trial, made[-1])
        except AssertionError as error:
            found.keep(made, str(error))
            break
    return found


def make(trial: Trial, change: Change) -> None:
    """Make one change and, unless it is hasty, judge what follows."""
    if change.verb == "restart":
        trial.restart(int(change.arguments[0]))
    else:
        trial.step(apply(trial.bench.world, change))
    if not change.hasty:
        trial.judge()
