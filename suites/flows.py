"""One UDP flow that never pauses: what a sender with one socket sees while the cluster changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Self

from suites.check import LONGEST, nobody
from suites.oracles.outcomes import all_ok
from suites.oracles.verdict import Judgement, require, right

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client, Running, Target
    from fixtures.workloads import Pod
    from suites.check import Check

LATEST = 10
"""Datagrams, one after the other, by which the present state of the flow is judged."""

SILENT = 3
"""The same where none is answered, which takes the answer's whole timeout each."""

RATE = 20.0


class Flow:
    """A UDP flow from one socket; a background probe keeps it going while the cluster changes."""

    def __init__(self, client: Client, target: Target, check: Check) -> None:
        self.name = f"the UDP flow of {client.name} to {target}"
        self.client = client
        self.target = target
        self.check = check
        answer = check.timeouts.answer
        self._running = client.start(
            target,
            rate=RATE,
            duration=LONGEST,
            timeout=answer,
            reuse=True,
            source_ports=client.source_ports.keep(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._running.stop()

    def reaches(self, pods: Collection[Pod]) -> None:
        """Exactly these pods answer the flow, once the change that makes it so has arrived."""
        names = {pod.identity for pod in pods}
        self._settles(
            f"reaches {', '.join(sorted(names))}", lambda a: all_ok(asdict(a), names), LATEST
        )

    def unanswered(self) -> None:
        """Nobody answers the flow, whatever else becomes of it."""
        self._settles("is answered by nobody", nobody, SILENT)

    def _settles(self, what: str, judge: Callable[[Attempts], Judgement], latest: int) -> None:
        within = self.check.timeouts.programmed
        name = f"{self.name} {what}"
        self.check.until(name, lambda: judge(self._since(-latest)), within=within, consecutive=1)
        self.check.until_settled(self.client, self.target)
        # The datagram that is under way may be older than what has just been waited for.
        start = len(self._running.so_far()) + 1
        self.check.until.testbed(
            f"{self.name} goes on",
            lambda: len(self._running.so_far()) >= start + latest,
            within=latest * self.check.timeouts.answer + within,
        )
        require(judge(self._since(start)))

    def _since(self, start: int) -> Attempts:
        return self._running.so_far().rows(start)


def goes_on(running: Running, count: int) -> Judgement:
    """Judge that a probe in the background made `count` attempts more than that, or broke."""
    attempts = running.so_far()
    if attempts.first_failure() is not None:
        return right("it has broken already")
    return Judgement(len(attempts) > count, f"{len(attempts)} attempts of {count} were made")
