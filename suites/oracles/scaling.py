"""How a figure grows with the number of Services: slope, exponent, and differences of pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suites.oracles.ratio import CONFIDENCE, FEWEST, trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure with its interval; the unit is that of the values that it is made from."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.3g} ({self.low:.3g} to {self.high:.3g})"

    def times(self, factor: float) -> Figure:
        """Return the figure in another unit; `factor` is positive."""
        return Figure(self.middle * factor, self.low * factor, self.high * factor)


def difference(
    pairs: Sequence[tuple[float, float]], *, confidence: float = CONFIDENCE
) -> Figure | None:
    """Return how much the first of each pair is above the second, None for too few pairs.

    A trimmed mean over the rounds, with its interval, as for `ratio`.
    """
    if len(pairs) < FEWEST:
        return None
    gaps = np.array([a - b for a, b in pairs], dtype=float)
    return Figure(*trimmed(gaps, confidence))


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """Fit y = a * n^b by least squares on logs and return b; None for fewer than three points.

    0 is constant, 1 linear. Points that are not positive are left out.
    """
    good = [(math.log(n), math.log(y)) for n, y in points if n > 0 and y > 0]
    if len(good) < 3:
        return None
    xs, ys = np.array(good).T
    return float(np.polyfit(xs, ys, 1)[0])
