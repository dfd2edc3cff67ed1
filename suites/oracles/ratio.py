"""Is one thing slower than another? The ratio of paired measurements, with its interval.

The pairs are rounds of a run whose arms took turns (ABBA), so what drifts meets both. The estimate
is a trimmed mean of the rounds' log ratios: a neighbour of the machine's that disturbs one round
does not decide. Its interval is Tukey's and McLaughlin's, from the winsorized spread (Wilcox,
Introduction to Robust Estimation, section 4.3), which holds what it promises from few rounds on.
`tests/unit/oracles/test_ratio.py` measures false alarms and power by simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import mstats

from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FEWEST = 6
"""Rounds below which an interval promises more than it holds."""

TRIM = 0.2
CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as large the first of a pair is, with the interval's ends."""

    middle: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"

    def over(self, other: Ratio) -> Ratio:
        """Return the ratio of two independent ratios; its interval is the wider of possible ones.

        The ends of the logs are added in quadrature around the quotient of the middles.
        """
        centre = math.log(self.middle / other.middle)
        below = math.hypot(math.log(self.middle / self.low), math.log(other.high / other.middle))
        above = math.hypot(math.log(self.high / self.middle), math.log(other.middle / other.low))
        return Ratio(
            math.exp(centre),
            math.exp(centre - below),
            math.exp(centre + above),
            min(self.rounds, other.rounds),
        )


def ratio(pairs: Sequence[tuple[float, float]], *, confidence: float = CONFIDENCE) -> Ratio | None:
    """Return the ratio of the first to the second of each pair, None for too few good pairs.

    Pairs with a measurement that is not positive are left out: their round saw nothing.
    """
    logs = np.array([math.log(a / b) for a, b in pairs if a > 0 and b > 0])
    if len(logs) < FEWEST:
        return None
    middle, low, high = map(math.exp, trimmed(logs, confidence))
    return Ratio(middle, low, high, len(logs))


def trimmed(values: NDArray[np.float64], confidence: float) -> tuple[float, float, float]:
    """Return the mean without a share `TRIM` at either end, and the ends of its interval."""
    middle = float(mstats.trimmed_mean(values, (TRIM, TRIM)))
    low, high = mstats.trimmed_mean_ci(values, (TRIM, TRIM), alpha=1 - confidence)
    return middle, float(low), float(high)


def gate(measured: Ratio | None, limit: float, what: str) -> Judgement:
    """Judge that a ratio is at most `limit`; `what` is the subject of the sentence.

    Wrong only when the whole interval is beyond, undecided when it lies across.
    """
    if measured is None:
        return undecided(f"{what}: fewer than {FEWEST} rounds saw both sides")
    figures = {"ratio": measured.middle, "low": measured.low, "high": measured.high}
    sentence = f"{what} is {measured} times as large; the budget is {limit:g}"
    if measured.low > limit:
        return wrong(sentence, figures=figures)
    if measured.high > limit:
        return undecided(f"{sentence}, which lies inside the interval", figures=figures)
    return right(sentence, figures=figures)


def differs(measured: Ratio) -> bool:
    """Tell whether the interval leaves out 1: worth a warning, not a verdict."""
    return not measured.low <= 1.0 <= measured.high
