"""Flows of several kinds to one Service, and how they were spread over its endpoints."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from typing import TYPE_CHECKING, Any

from scipy import special

from suites.oracles.verdict import Judgement, right, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from fixtures.agent.attempts import Attempts, Plan
    from fixtures.clients import Client, Target

Spread = dict[str, Counter[str]]
"""What was counted, by name, for each endpoint."""

SHORT, LONG, MIXED, SIZES, SLOW = 60, 24, 8, 24, 32
SLOWNESS = 8
"""For how many further connections one to the slow endpoint stays open."""


class Flows:
    """A client that makes flows to virtual servers; `refused` counts those that got no answer."""

    def __init__(self, client: Client, endpoints: Sequence[str]) -> None:
        """`endpoints` are the pods' identities."""
        self.client = client
        self.endpoints = tuple(endpoints)
        self.attempts: list[Attempts] = []

    @property
    def refused(self) -> int:
        """Connections that reached no endpoint."""
        return sum(outcome != "ok" for seen in self.attempts for outcome in seen.outcome)

    def short(self, target: Target) -> Spread:
        """One after the other, each closed before the next."""
        return {"connections, short flows": self._probe(target, SHORT).by_backend()}

    def long(self, target: Target) -> Spread:
        """All stay open."""
        with self.client.agent.hold(self._plan(target, LONG)) as held:
            self.attempts.append(held.opened)
            return {"open connections, long flows": held.opened.by_backend()}

    def mixed(self, target: Target) -> Spread:
        """One that stays open, then two short ones: a period that is none of the endpoints'."""
        made, open_ones, holds = Counter[str](), Counter[str](), []
        for _ in range(MIXED):
            held = self.client.agent.hold(self._plan(target, 1))
            holds.append(held)
            self.attempts.append(held.opened)
            open_ones += held.opened.by_backend()
            made += held.opened.by_backend() + self._probe(target, 2).by_backend()
        for held in holds:
            held.release("fin")
        return {"connections, mixed flows": made, "open connections, mixed flows": open_ones}

    def sizes(self, target: Target) -> Spread:
        """Short ones that carry between 100 bytes and some 10 KB: few carry most, as it is."""
        dice = random.Random(SIZES)  # noqa: S311 - the same sizes everywhere, nothing secret
        carried = Counter[str]()
        for _ in range(SIZES):
            size = min(20_000, int(100 * math.exp(dice.gauss(2.0, 1.2))))
            for name in self._probe(target, 1, payload=size).by_backend():
                carried[name] += size
        return {"bytes, sizes from 100 to 20,000": carried}

    def slow(self, target: Target) -> Spread:
        """Short ones, but those to one endpoint stay open for a while, as if it were slow."""
        made, lasting = Counter[str](), []
        for number in range(SLOW):
            held = self.client.agent.hold(self._plan(target, 1))
            self.attempts.append(held.opened)
            reached = held.opened.by_backend()
            made += reached
            if self.endpoints[0] in reached:
                lasting.append((number + SLOWNESS, held))
            else:
                held.release("fin")
            for done in [entry for entry in lasting if entry[0] <= number]:
                done[1].release("fin")
                lasting.remove(done)
        for _, held in lasting:
            held.release("fin")
        return {"connections, one slow endpoint": made}

    def _plan(self, target: Target, count: int, **options: Any) -> Plan:
        return self.client.plan(target, count=count, close="fin", **options)

    def _probe(self, target: Target, count: int, **options: Any) -> Attempts:
        attempts = self.client.agent.probe(self._plan(target, count, **options))
        self.attempts.append(attempts)
        return attempts


KINDS: dict[str, Callable[[Flows, Target], Spread]] = {
    "short": Flows.short,
    "long": Flows.long,
    "mixed": Flows.mixed,
    "sizes": Flows.sizes,
    "slow": Flows.slow,
}


def variation(counts: Counter[str], endpoints: Collection[str]) -> float:
    """Return the coefficient of variation over all endpoints: 0 is even, sqrt(n - 1) one for all.

    Raises ValueError when nothing was counted.
    """
    values = [counts[name] for name in endpoints]
    if not sum(values):
        raise ValueError("nothing was counted")
    return statistics.pstdev(values) / statistics.fmean(values)


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Return mean, lower and upper end of Student's interval of repeated measurements."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, mean, mean
    quantile = float(special.stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return mean, max(0.0, mean - half), mean + half


def all_answered(refused: int, total: int, what: str) -> Judgement:
    """Judge that no connection went unanswered."""
    if refused:
        return wrong(f"{refused} of {total} connections were not answered ({what})")
    return right(f"all {total} connections were answered ({what})")
