"""How often a comparison is right, by drawing from recorded pairs again and again.

Each experiment takes a recorded run of a build against itself and draws its pairs of phases anew,
two neighbours at a time, since what disturbs one disturbs the next (block bootstrap: Kuensch, The
Jackknife and the Bootstrap for General Stationary Observations, 1989). A build that is slower by a
factor is the same run with one side multiplied: log ratios move, nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suites.oracles.ratio import ratio
from tests.power.samples import Rounds

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPERIMENTS = 1000
BLOCK = 2
"""Pairs drawn together."""

MOSTLY = 0.95


@dataclass(frozen=True, slots=True)
class Power:
    """What became of the experiments with one figure, as shares of all of them.

    `differs` of the same build and of one that is `factor` times as large; `fails` and `undecided`
    of the same one; `sure` is how many times as large a build has to be to fail in `MOSTLY`.
    """

    runs: int
    pairs: int
    factor: float
    limit: float
    differs_same: float
    differs_factor: float
    fails_same: float
    undecided_same: float
    sure: float


def drawn(rounds: Rounds, random: np.random.Generator) -> Rounds:
    """Draw as many pairs as there are, in blocks that wrap around, each with its control."""
    count = len(rounds.pairs)
    starts = random.integers(0, count, -(-count // BLOCK))
    numbers = [(start + i) % count for start in starts for i in range(BLOCK)][:count]
    return Rounds(
        [rounds.pairs[number] for number in numbers],
        rounds.controls and [rounds.controls[number] for number in numbers],
    )


def power(
    recorded: Sequence[Rounds],
    factor: float,
    limit: float,
    *,
    experiments: int = EXPERIMENTS,
    seed: int = 0,
) -> Power:
    """Simulate comparisons from recorded ones. Raises ValueError where they are too few."""
    random = np.random.default_rng(seed)
    ends = []
    for _ in range(experiments):
        rounds = drawn(recorded[int(random.integers(len(recorded)))], random)
        measured = ratio(rounds.pairs, controls=rounds.controls)
        if measured is None:
            raise ValueError(f"{len(rounds.pairs)} pairs are too few to compare")
        ends.append((measured.low, measured.high))
    low, high = np.array(ends).T
    return Power(
        runs=len(recorded),
        pairs=int(np.median([len(rounds.pairs) for rounds in recorded])),
        factor=factor,
        limit=limit,
        differs_same=float(np.mean((low > 1) | (high < 1))),
        differs_factor=float(np.mean(low * factor > 1)),
        fails_same=float(np.mean(low > limit)),
        undecided_same=float(np.mean((low <= limit) & (high > limit))),
        sure=float(limit / np.quantile(low, 1 - MOSTLY)),
    )
