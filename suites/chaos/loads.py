"""What a load in the background has seen so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.agent.attempts import Attempt
    from fixtures.history import Load, Span
    from fixtures.workloads import Pod


def count(load: Load) -> int:
    """Return how many attempts have ended."""
    return sum(len(part) for part in load.attempts)


def tail(load: Load, count: int = 5) -> set[str]:
    """Return the outcomes of the last attempts, none while there are too few."""
    outcomes = [outcome for part in load.attempts[-3:] for outcome in part.outcome]
    return set(outcomes[-count:]) if len(outcomes) >= count else set()


def first(load: Load, pod: Pod, since: Span) -> float | None:
    """Return when the load reached a pod first since a change began."""
    hits = [
        max(begun, since.end)
        for one, begun, ended in recent(load, since.start)
        if one.outcome == "ok" and one.backend == pod.identity and ended >= since.start
    ]
    return min(hits, default=None)


def recent(load: Load, since: float) -> Iterator[tuple[Attempt, float, float]]:
    """Return the attempts that may have ended since then, with their times."""
    for part in reversed(list(load.attempts)):
        times = load.times(part)
        yield from ((one, begun, ended) for one, (begun, ended) in zip(part, times, strict=True))
        if all(ended < since for _, ended in times):
            return
