"""Which processor each node's kernel runs on, changed while one has too many and another idles.

A user-mode kernel and the processes that hold its processes' memory switch to each other at every
system call, which costs four fifths of them when they are on two processors. So all of a node is
kept on one, and then the machine's scheduler cannot help where two busy nodes share a processor and
another has nothing to do: three nodes on two processors took a tenth longer to start.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PERIOD = 0.05
"""Seconds from one look to the next."""

IDLE = 0.4
"""Share of a period that a processor has to idle for a node to be moved to it."""

FULL = 0.15
"""Share of a period that a processor may idle at most for a node to be moved from it."""

BUSY = 0.1
"""Share of a period that a node wants to run to be one of two that share a processor."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a node wanted of its processor during a period."""

    node: str
    processor: int
    wanted: float
    """Share of the period that its kernel ran or waited to run."""


def choose(idle: Mapping[int, float], shares: Iterable[Share]) -> tuple[str, int] | None:
    """Name a node and the processor to move it to, None while all is well.

    `idle` is the share of the period that each processor had nothing to do.
    """
    together: dict[int, list[Share]] = defaultdict(list)
    for share in shares:
        if share.wanted > BUSY:
            together[share.processor].append(share)
    crowded = [p for p, on in together.items() if len(on) > 1 and idle.get(p, 1.0) < FULL]
    target = max(idle, key=lambda processor: idle[processor], default=None)
    if not crowded or target is None or idle[target] < IDLE:
        return None
    most = max(crowded, key=lambda p: sum(share.wanted for share in together[p]))
    return min(together[most], key=lambda share: share.wanted).node, target


def family(pid: int) -> set[int]:
    """Return a process and its descendants that live."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # The name in brackets may hold spaces.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found, grew = {pid}, True
    while grew:
        more = {child for child, parent in parents.items() if parent in found} - found
        grew = bool(more)
        found |= more
    return found


def waited_below(pid: int) -> float:
    """Sum up the time on run queues of a process and its descendants that live, in seconds."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError, ValueError):
            total += _run_and_wait(member)[1]
    return total / 1e9


def _run_and_wait(pid: int) -> tuple[int, int]:
    """Return how long a process ran and was ready to run and did not, in ns.

    The first numbers of /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst); raises
    `OSError` where the kernel does not keep it.
    """
    ran, waited = Path(f"/proc/{pid}/schedstat").read_text().split()[:2]
    return int(ran), int(waited)


def nth(number: int) -> int:
    """Return a processor that may be used, counted round from the first."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[number % len(usable)]


def _idle_ticks() -> dict[int, tuple[int, int]]:
    """Return for each processor that may be used its ticks without work, and all of them."""
    ticks = {}
    usable = os.sched_getaffinity(0)
    for line in Path("/proc/stat").read_text().splitlines():
        name, *numbers = line.split()
        if not name.startswith("cpu"):
            break
        if name != "cpu" and (processor := int(name[3:])) in usable:
            counts = [int(number) for number in numbers[:8]]
            ticks[processor] = (counts[3] + counts[4], sum(counts))
    return ticks


def move(pid: int, processor: int) -> None:
    """Have a process, its threads and all below it run on one processor from now on."""
    # Twice, since one may have been begun by one that had not been moved.
    for _ in range(2):
        for member in family(pid):
            with contextlib.suppress(OSError):
                for thread in Path(f"/proc/{member}/task").iterdir():
                    os.sched_setaffinity(int(thread.name), {processor})


class Processors:
    """Looks after nodes' kernels; `placed` tells the pid and the processor of each that runs."""

    def __init__(self, placed: Callable[[], dict[str, tuple[int, int]]]) -> None:
        self.placed = placed
        self._idle: dict[int, tuple[int, int]] = {}
        self._ran: dict[str, int] = {}
        self._at = 0.0

    def look(self) -> tuple[str, int] | None:
        """Return whom to move where, judged by what happened since the last look."""
        placed = self.placed()
        if len({processor for _, processor in placed.values()}) == len(placed):
            self._at = 0.0
            return None
        idle, ran, now = _idle_ticks(), dict(self._wants(placed)), time.monotonic()
        since, before, had = now - self._at, self._ran, self._idle
        first = self._at == 0.0
        self._idle, self._ran, self._at = idle, ran, now
        if first:
            return None
        shares = [
            Share(name, placed[name][1], (wanted - before[name]) / 1e9 / since)
            for name, wanted in ran.items()
            if name in before
        ]
        return choose({p: _share(had[p], ticks) for p, ticks in idle.items() if p in had}, shares)

    def _wants(self, placed: dict[str, tuple[int, int]]) -> Iterable[tuple[str, int]]:
        for name, (pid, _) in placed.items():
            with contextlib.suppress(OSError, ValueError):
                yield name, sum(_run_and_wait(pid))


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    return (after[0] - before[0]) / max(after[1] - before[1], 1)
