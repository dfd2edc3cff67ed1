"""Where a series of measurements changed for good: steps, with a false alarm rate that is stated.

A split of the series is judged by the rank sum of its end (Mann and Whitney), standardised for its
length; the series has a step where the greatest of these is greater than in all but a share `level`
of its own permutations (Pettitt 1979, A non-parametric approach to the change-point problem). Where
it is, the least absolute deviations say (Bai 1995, Least absolute deviation estimation of a shift).
Then both parts are searched again (binary segmentation, as E-divisive does: Matteson and James
2014, which Hunter and MongoDB use on performance histories). Ranks, since the noise of a shared
machine has long tails, on which a test of means alarms falsely or sees nothing.

Runs whose noise hangs together, as on a machine that is busy all week, are not exchangeable, and
alarm more often. `tests/unit/reports/test_steps.py` measures the rates for both.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST = 3
"""Values on either side of a step; one or two may be a bad night."""

WINDOW = 60
"""Values that are looked at, the last ones: what was half a year ago decides nothing today."""

LEAST = 0.05
"""Changes of the median by a smaller share are not worth anybody's time (Hunter has the same)."""

FINER = 20
"""Permutations for each that may be above by chance; a level of 1% takes 2,000."""

BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Step:
    """From value number `at` on, the series is another; `before` and `after` are medians."""

    at: int
    before: float
    after: float
    p: float

    @property
    def share(self) -> float:
        """By which share of what it was it has changed; infinite from nothing to something."""
        if self.before:
            return self.after / self.before - 1
        return math.inf if self.after > 0 else -math.inf


def steps(values: Sequence[float], level: float) -> list[Step]:
    """Return the steps of a noisy series in order.

    Of series without any, a share of at most `level` gets one.
    """
    skipped = max(0, len(values) - WINDOW)
    found = sorted(_split(list(values[skipped:]), skipped, level))
    edges = [skipped, *(at for at, _ in found), len(values)]
    made = []
    for number, (at, p) in enumerate(found, start=1):
        before, after = (
            median(values[edges[number - 1] : at]),
            median(values[at : edges[number + 1]]),
        )
        step = Step(at, before, after, p)
        if abs(step.share) >= LEAST:
            made.append(step)
    return made


def exact_steps(values: Sequence[float]) -> list[Step]:
    """Return the steps of a series that no noise changes: wherever a value is not the last one."""
    pairs = enumerate(pairwise(values), start=1)
    return [Step(at, old, new, 0.0) for at, (old, new) in pairs if old != new]


def _split(values: list[float], offset: int, level: float) -> list[tuple[int, float]]:
    if len(values) < 2 * FEWEST or len(set(values)) == 1:
        return []
    ranks = _ranks(np.array(values))
    heights = _heights(ranks[np.newaxis])[0]
    null = _null(tuple(np.sort(ranks)), math.ceil(FINER / level))
    above = len(null) - int(np.searchsorted(null, heights.max() - 1e-9))
    p = (1 + above) / (1 + len(null))
    if p > level:
        return []
    at = min(range(FEWEST, len(values) - FEWEST + 1), key=lambda at: _spread(values, at))
    return [
        *_split(values[:at], offset, level),
        (offset + at, p),
        *_split(values[at:], offset + at, level),
    ]


def _spread(values: Sequence[float], at: int) -> float:
    """Return how far the values are off the medians of their side of a split, in all."""
    sides = [(side, median(side)) for side in (values[:at], values[at:])]
    return math.fsum(abs(value - middle) for side, middle in sides for value in side)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks from 1, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return shared


def _heights(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, of each row of ranks and each split, by how many deviations its rank sum is off."""
    n = rows.shape[1]
    sizes = np.arange(FEWEST, n - FEWEST + 1)
    centred = rows - (n + 1) / 2
    sums = centred.cumsum(axis=1)[:, sizes - 1]
    spread = (centred[:1] ** 2).mean()
    scale = np.sqrt(spread * sizes * (n - sizes) / (n - 1))
    found: NDArray[np.float64] = np.abs(sums) / scale
    return found


@functools.lru_cache(maxsize=256)
def _null(ranks: tuple[float, ...], draws: int) -> NDArray[np.float64]:
    """Return the greatest heights of permutations, sorted; the same for the same ranks."""
    random = np.random.default_rng(len(ranks))
    highest = []
    for begun in range(0, draws, BATCH):
        rows = np.tile(np.array(ranks), (min(BATCH, draws - begun), 1))
        highest.append(_heights(random.permuted(rows, axis=1)).max(axis=1))
    found: NDArray[np.float64] = np.sort(np.concatenate(highest))
    return found
