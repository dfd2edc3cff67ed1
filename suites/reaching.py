"""How many connections show that a client reaches these pods, each of them and nobody else."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from suites.oracles.outcomes import all_ok, covers
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import Judgement, all_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fixtures.agent.attempts import Attempts

ALPHA = 1e-9
"""Chance that a correct build fails one judgement by bad luck."""

ROUNDS = 3
"""How often each pod has its turn where connections go round: who is still there is met by then,
even where it comes or goes in the middle."""


class Reaching:
    """Connections that should all be answered by `names`.

    Where a pod is picked at random, `number` of them would also have met one pod more than there
    should be, an endpoint that is still there although it was removed. With `in_turn` a few rounds
    do. Without `every_pod` (session affinity) it is enough that no other pod answers.
    """

    def __init__(
        self,
        names: Collection[str],
        *,
        every_pod: bool = True,
        in_turn: bool = False,
        also: Callable[[Attempts], Judgement] | None = None,
    ) -> None:
        """`also` is a further judge that has to agree."""
        self.names = frozenset(names)
        self._every_pod = every_pod
        self._also = also
        self._random = never_chosen_samples(len(self.names) + 1 if every_pod else 2, ALPHA)
        rounds = ROUNDS * (len(self.names) + 1)
        self.number = min(self._random, rounds) if every_pod and in_turn else self._random

    def so_far(self, attempts: Attempts) -> Judgement:
        """Judge some of the connections, whichever pods they met."""
        judgement = all_ok(asdict(attempts), self.names)
        return judgement if self._also is None else all_of(judgement, self._also(attempts))

    def judge(self, attempts: Attempts) -> Judgement:
        """Judge whether they were answered by these pods alone, and by each."""
        answered = self.so_far(attempts)
        return all_of(answered, self._covers(attempts)) if self._every_pod else answered

    def look(self, probe: Callable[[int], Attempts], count: int = 0) -> tuple[Attempts, Judgement]:
        """Make `number` connections or more, and judge them.

        More where a pod was not met in its turn: somebody else's connections had taken it, or it
        gets none.
        """
        attempts = probe(max(count, self.number))
        few = self._every_pod and len(attempts) < self._random
        if few and self.so_far(attempts).ok and not self._covers(attempts).ok:
            attempts = probe(self._random)
        return attempts, self.judge(attempts)

    def _covers(self, attempts: Attempts) -> Judgement:
        return covers(asdict(attempts), self.names, alpha=ALPHA)
