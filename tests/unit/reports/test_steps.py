"""Steps in a series: found where they are, and rarely where there are none, by simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.steps import exact_steps, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    Noise = Callable[[Generator, int], NDArray[np.float64]]

LEVEL = 0.01
HISTORIES = 1000


def steady(random: Generator, runs: int) -> NDArray[np.float64]:
    """Give a figure with 10% of noise."""
    return random.normal(100, 10, runs)


def with_outliers(random: Generator, runs: int) -> NDArray[np.float64]:
    """Give one that is several times as large in some nights, as on a machine that others use."""
    return 100 * np.exp(0.1 * random.standard_t(2, runs))


def in_ticks(random: Generator, runs: int) -> NDArray[np.float64]:
    """Give one of few different values, as a CPU time in ticks."""
    return np.round(random.normal(5, 0.8, runs))


def drifting(random: Generator, runs: int) -> NDArray[np.float64]:
    """Give one whose noise hangs together from night to night."""
    noise = random.normal(0, 10, runs)
    for at in range(1, runs):
        noise[at] += 0.3 * noise[at - 1]
    return 100 + noise


def alarms(noise: Noise, runs: int, *, shift: float = 1.0, last: int = 0) -> float:
    """Return the share of histories with a step; the `last` runs are `shift` times as large."""
    random = np.random.default_rng(7)
    found = 0
    for _ in range(HISTORIES):
        values = noise(random, runs)
        values[runs - last :] *= shift
        found += bool(steps(list(values), LEVEL))
    return found / HISTORIES


@pytest.mark.parametrize("noise", [steady, with_outliers, in_ticks])
@pytest.mark.parametrize("runs", [12, 30, 60])
def test_a_series_that_does_not_change_rarely_has_a_step(noise: Noise, runs: int) -> None:
    # The upper end of a 99.9% interval around 1% of 1,000.
    assert alarms(noise, runs) <= 0.021


def test_noise_that_hangs_together_alarms_more_often_but_seldom() -> None:
    assert alarms(drifting, 40) <= 0.15


@pytest.mark.parametrize(
    ("shift", "last", "power"), [(1.25, 8, 0.88), (1.5, 5, 0.9), (2.0, 4, 0.9)]
)
def test_a_change_is_found_some_runs_after_it(shift: float, last: int, power: float) -> None:
    assert alarms(steady, 30 + last, shift=shift, last=last) >= power


def test_a_step_is_found_where_it_is_and_how_large() -> None:
    random = np.random.default_rng(3)
    values = [*random.normal(100, 3, 25), *random.normal(130, 3, 12), *random.normal(90, 3, 20)]
    first, second = steps(values, LEVEL)
    assert (first.at, second.at) == (25, 37)
    assert first.share == pytest.approx(0.3, abs=0.05)
    assert second.share == pytest.approx(-0.3, abs=0.05)


def test_a_change_too_small_for_anybody_is_none() -> None:
    values = [100.0 + at % 2 for at in range(20)] + [103.0 + at % 2 for at in range(20)]
    assert not steps(values, LEVEL)


def test_one_bad_night_is_no_step() -> None:
    values = [100.0 + at % 7 for at in range(40)]
    values[20] = 5000.0
    assert not steps(values, LEVEL)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [3.0] * 50])
def test_what_is_too_short_or_constant_has_no_step(values: list[float]) -> None:
    assert not steps(values, LEVEL)


def test_what_is_long_past_is_not_looked_at() -> None:
    assert not steps([1.0 + at % 3 for at in range(40)] + [9.0 + at % 2 for at in range(60)], LEVEL)


def test_an_exact_figure_steps_wherever_it_differs() -> None:
    first, second = exact_steps([61, 61, 61, 122, 122, 0, 0])
    assert (first.at, first.before, first.after) == (3, 61, 122)
    assert (second.at, second.share) == (5, -1.0)
    assert exact_steps([0, 4])[0].share == math.inf
    assert not exact_steps([])
