"""The steps that most cases are made of: wait until it is so, then judge that it is only so."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from suites.oracles.outcomes import all_ok, covers, only
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import Judgement, all_of, require

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client, Target
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Pod

ALPHA = 1e-9
"""Chance that a correct build fails one judgement by bad luck; research section 2.1."""

REFUSALS = 10


class Check:
    """
    Waits and judgements of one case.

    Each method first waits until the state it names begins to hold (the build has
    `timeouts.programmed` seconds), then makes fresh attempts of which none may differ.
    """

    def __init__(self, until: Until, timeouts: Timeouts) -> None:
        self.until = until
        self.timeouts = timeouts

    def reaches(
        self,
        client: Client,
        target: Target,
        pods: Collection[Pod],
        *,
        count: int = 60,
        every_pod: bool = True,
    ) -> Attempts:
        """
        Every connection is answered, by exactly these pods; returns the judged attempts.

        Without `every_pod` it is enough that no other pod answers (session affinity).
        """
        names = {pod.identity for pod in pods}
        enough = max(count, never_chosen_samples(len(names), ALPHA)) if every_pod else count

        def judged(attempts: Attempts) -> Judgement:
            columns = asdict(attempts)
            right = all_ok(columns, names)
            return all_of(right, covers(columns, names, alpha=ALPHA)) if every_pod else right

        def probe(number: int) -> Attempts:
            return client.probe(target, number, timeout=self.timeouts.answer)

        self.until(
            f"{client.name} reaches {_named(pods)} at {target}",
            lambda: judged(probe(5)) if not every_pod else self._seen(client, target, names),
            within=self.timeouts.programmed,
        )
        attempts = probe(enough)
        require(judged(attempts))
        return attempts

    def _seen(self, client: Client, target: Target, names: set[str]) -> Judgement:
        # A handful first: while the change has not arrived, most attempts cost a timeout.
        first = client.probe(target, 3, timeout=self.timeouts.drop)
        judgement = all_ok(asdict(first), names)
        if judgement.ok is not True:
            return judgement
        more = client.probe(
            target, never_chosen_samples(len(names), ALPHA), timeout=self.timeouts.answer
        )
        columns = asdict(more)
        return all_of(all_ok(columns, names), covers(columns, names, alpha=ALPHA))

    def refuses(self, client: Client, target: Target) -> Attempts:
        """Every attempt is refused at once (RST, or ICMP port unreachable)."""
        return self._only(client, target, "refused", self.timeouts.answer)

    def drops(self, client: Client, target: Target) -> Attempts:
        """No attempt is answered in any way."""
        return self._only(client, target, "timeout", self.timeouts.drop, concurrency=REFUSALS)

    def silent(self, client: Client, target: Target) -> Attempts:
        """No attempt reaches anybody: refused, unreachable or dropped, but never answered."""

        def probe() -> Attempts:
            return client.probe(
                target, REFUSALS, timeout=self.timeouts.drop, concurrency=REFUSALS
            )

        self.until(
            f"nobody answers {client.name} at {target}",
            lambda: nobody(probe()),
            within=self.timeouts.programmed,
        )
        attempts = probe()
        require(nobody(attempts))
        return attempts

    def _only(
        self, client: Client, target: Target, outcome: str, timeout: float, concurrency: int = 1
    ) -> Attempts:
        def probe(number: int) -> Attempts:
            return client.probe(target, number, timeout=timeout, concurrency=concurrency)

        self.until(
            f"{client.name} is {_outcome(outcome)} at {target}",
            lambda: only(asdict(probe(2)), outcome),
            within=self.timeouts.programmed,
        )
        attempts = probe(REFUSALS)
        require(only(asdict(attempts), outcome))
        return attempts


def nobody(attempts: Attempts) -> Judgement:
    """Judge that no attempt was answered by any backend."""
    answered = attempts.by_backend()
    if not len(attempts):
        return Judgement(None, "nothing was attempted")
    if answered:
        names = ", ".join(f"{name} ({count})" for name, count in answered.items())
        return Judgement(
            False,
            f"{answered.total()} of {len(attempts)} connections were answered by {names}; "
            "nobody should answer",
        )
    return Judgement(True, f"none of {len(attempts)} connections was answered")


def sources(attempts: Attempts, allowed: Collection[str], what: str) -> Judgement:
    """Judge which source addresses the backends saw."""
    seen = attempts.sources()
    if not seen:
        return Judgement(None, "no backend said which source address it saw")
    if strange := set(seen) - set(allowed):
        return Judgement(
            False,
            f"the backend saw source {', '.join(sorted(strange))}; it should see {what} "
            f"({', '.join(sorted(allowed))})",
        )
    return Judgement(True, f"the backend saw {what} in all {seen.total()} connections")


def _named(pods: Collection[Pod]) -> str:
    names: Sequence[str] = sorted(pod.name for pod in pods)
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} pods"


def _outcome(outcome: str) -> str:
    return {"refused": "refused", "timeout": "dropped"}.get(outcome, outcome)
