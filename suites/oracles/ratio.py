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
from scipy import stats
from scipy.stats import mstats

from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Pair = tuple[float, float]

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


def ratio(
    pairs: Sequence[Pair],
    *,
    controls: Sequence[Pair] | None = None,
    confidence: float = CONFIDENCE,
) -> Ratio | None:
    """Return the ratio of the first to the second of each pair, None for too few good pairs.

    Pairs with a measurement that is not positive are left out: their round saw nothing. `controls`
    are a pair of each round, too, whose ratio is 1 but for what disturbed the round; what they
    explain is taken away, as far as the rounds themselves show that they explain it (control
    variates: Lavenberg and Welch, Management Science 27, 1981).
    """
    rounds = list(zip(pairs, controls or [(1.0, 1.0)] * len(pairs), strict=True))
    seen = [both for both in rounds if min(map(min, both)) > 0]
    if len(seen) < FEWEST:
        return None
    logs, noise = np.array([[math.log(a / b) for a, b in both] for both in seen]).T
    if controls is None:
        share, fitted = 0.0, 0
    else:
        share, fitted = explained(logs, noise), 1
    middle, low, high = trimmed(logs - share * noise, confidence, fitted=fitted)
    return Ratio(math.exp(middle), math.exp(low), math.exp(high), len(logs))


def explained(logs: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """Return how much of the controls' noise is in the measurements, from none to all of it.

    The median of pairs' slopes (Theil, 1950; Sen, 1968), which outliers do not turn.
    """
    if np.ptp(noise) == 0:
        return 0.0
    return float(np.clip(stats.theilslopes(logs, noise).slope, 0.0, 1.0))


def trimmed(
    values: NDArray[np.float64], confidence: float, *, fitted: int = 0
) -> tuple[float, float, float]:
    """Return the mean without a share `TRIM` at either end, and the ends of its interval.

    `fitted` parameters of the values were estimated from them: as many degrees of freedom are gone.
    """
    middle = float(mstats.trimmed_mean(values, (TRIM, TRIM)))
    low, high = mstats.trimmed_mean_ci(values, (TRIM, TRIM), alpha=1 - confidence)
    free = len(values) - 2 * int(TRIM * len(values)) - 1
    left, tail = free - fitted, 1 - (1 - confidence) / 2
    wider = stats.t.ppf(tail, left) / stats.t.ppf(tail, free) * math.sqrt(free / left)
    return middle, middle - (middle - float(low)) * wider, middle + (float(high) - middle) * wider


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
