"""The steps that most cases are made of: wait until it is so, then judge that it is only so."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from suites.judges import unbroken
from suites.oracles.outcomes import all_ok, covers, only
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import Judgement, all_of, require

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client, Target
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Pod

ALPHA = 1e-9
"""Chance that a correct build fails one judgement by bad luck; research section 2.1."""

REFUSALS = 10

RATE = 50.0
"""Attempts per second of a probe in the background: 20 ms without service would show."""

LONGEST = 120.0
"""Seconds after which a probe in the background ends though nobody stopped it."""


def apart(target: Target, batch: int) -> dict[str, Any]:
    """
    Return probe options that keep the UDP flows of one batch apart from those of another.

    A UDP flow that conntrack knows keeps its backend, by design, though its Service has changed:
    new flows need source ports that no earlier probe of the case had.
    """
    first = 10_000 + 1_000 * batch
    return {"source_ports": (first, first + 999)} if target.protocol == "udp" else {}


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
        also: Callable[[Attempts], Judgement] | None = None,
        **options: Any,
    ) -> Attempts:
        """
        Every connection is answered, by exactly these pods; returns the judged attempts.

        Without `every_pod` it is enough that no other pod answers (session affinity). `also` is
        a further judge that has to agree, `options` are fields of the probe's plan.
        """
        names = {pod.identity for pod in pods}
        enough = never_chosen_samples(len(names), ALPHA) if every_pod else 5

        def judged(attempts: Attempts, *, whole: bool = True) -> Judgement:
            columns = asdict(attempts)
            judgements = [all_ok(columns, names)]
            if whole and every_pod:
                judgements.append(covers(columns, names, alpha=ALPHA))
            if also is not None:
                judgements.append(also(attempts))
            return all_of(*judgements)

        def holds() -> Judgement:
            # A handful first: while the change has not arrived, most attempts cost a timeout.
            first = client.probe(target, 3, timeout=self.timeouts.drop, **options)
            judgement = judged(first, whole=False)
            if judgement.ok is not True:
                return judgement
            return judged(client.probe(target, enough, timeout=self.timeouts.answer, **options))

        self.until(
            f"{client.name} reaches {_named(pods)} at {target}",
            holds,
            within=self.timeouts.programmed,
        )
        attempts = client.probe(target, max(count, enough), timeout=self.timeouts.answer, **options)
        require(judged(attempts))
        return attempts

    @contextmanager
    def meanwhile(self, client: Client, target: Target, **options: Any) -> Iterator[None]:
        """No connection fails that `client` makes while the body of the `with` runs."""
        running = client.start(
            target, rate=RATE, duration=LONGEST, timeout=self.timeouts.answer, **options
        )
        try:
            yield
        finally:
            attempts = running.stop()
        require(unbroken(attempts, f"to {target} meanwhile"))

    def refuses(self, client: Client, target: Target, **options: Any) -> Attempts:
        """Every attempt is refused at once (RST, or ICMP port unreachable)."""
        return self._only(client, target, "refused", self.timeouts.answer, **options)

    def drops(self, client: Client, target: Target, **options: Any) -> Attempts:
        """No attempt is answered in any way."""
        many = {"concurrency": REFUSALS, **options}
        return self._only(client, target, "timeout", self.timeouts.drop, **many)

    def silent(self, client: Client, target: Target, **options: Any) -> Attempts:
        """No attempt reaches anybody: refused, unreachable or dropped, but never answered."""
        many = {"concurrency": REFUSALS, **options}

        def probe() -> Attempts:
            return client.probe(target, REFUSALS, timeout=self.timeouts.drop, **many)

        self.until(
            f"nobody answers {client.name} at {target}",
            lambda: nobody(probe()),
            within=self.timeouts.programmed,
        )
        attempts = probe()
        require(nobody(attempts))
        return attempts

    def _only(
        self, client: Client, target: Target, outcome: str, timeout: float, **options: Any
    ) -> Attempts:
        def probe(number: int) -> Attempts:
            return client.probe(target, number, timeout=timeout, **options)

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
