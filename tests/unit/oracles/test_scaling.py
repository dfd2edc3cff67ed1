"""Growth and the article's claims, on figures whose answers are known."""

from __future__ import annotations

import random

import pytest

from suites.oracles.article import (
    FAILS,
    HOLDS,
    OPEN,
    by_size,
    constant,
    even,
    halved,
    less_cpu,
    sequential,
    stable,
)
from suites.oracles.scaling import Figure, difference, exponent


@pytest.mark.parametrize(("power", "factor"), [(0.0, 5.0), (1.0, 0.3), (1.5, 2.0)])
def test_exponent_is_found(power: float, factor: float) -> None:
    """The exponent does not depend on the factor before it."""
    points = [(n, factor * n**power) for n in (100.0, 1000.0, 5000.0)]
    assert exponent(points) == pytest.approx(power)


def test_exponent_needs_three_points() -> None:
    """Two points fit every power."""
    assert exponent([(100, 1), (1000, 10), (5000, 0)]) is None


def test_difference_has_an_interval_around_what_is_true() -> None:
    """Noise that both of a pair share does not widen it."""
    own = random.Random(3)  # noqa: S311 - a simulation
    shared = [own.gauss(400, 80) for _ in range(40)]
    pairs = [(base + 25 + own.gauss(0, 5), base) for base in shared]
    found = difference(pairs)
    assert found is not None
    assert found.low < 25 < found.high
    assert found.high - found.low < 10


def test_difference_needs_rounds() -> None:
    """Five rounds are none."""
    assert difference([(2.0, 1.0)] * 5) is None


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        (Figure(25, 20, 30), HOLDS),
        (Figure(0, -2, 0.5), FAILS),
        (Figure(5, -20, 30), OPEN),
        (None, OPEN),
    ],
)
def test_sequential(slope: Figure | None, verdict: str) -> None:
    """A slope surely above nothing is a walk; one surely below 1 ns a Service is none."""
    assert sequential(slope).verdict == verdict


@pytest.mark.parametrize(
    ("own", "verdict"),
    [
        (Figure(0, -1, 1), HOLDS),
        (Figure(12, 8, 16), FAILS),
        (Figure(2, -1, 6), OPEN),
        (None, OPEN),
    ],
)
def test_constant(own: Figure | None, verdict: str) -> None:
    """Below a tenth of iptables' slope is constant."""
    assert constant("ipvs", own, Figure(25, 20, 30)).verdict == verdict


def test_constant_against_nothing_is_open() -> None:
    """Where iptables shows no slope there is nothing to be below of."""
    assert constant("ipvs", Figure(0, -1, 1), Figure(5, -20, 30)).verdict == OPEN


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([], OPEN),
        ([(100, True)], "holds at 100 Services"),
        ([(100, True), (1000, True)], HOLDS),
        ([(100, False), (1000, True), (5000, True)], "holds above 100 Services"),
        ([(100, False)], FAILS),
        ([(100, True), (1000, False)], FAILS),
    ],
)
def test_by_size(held: list[tuple[int, bool]], said: str) -> None:
    """A claim that begins to hold says from where on."""
    assert by_size(held) == said


def test_halved() -> None:
    """Half is judged by the whole interval, at each number of Services."""
    times = {100: Figure(0.9, 0.8, 1.0), 1000: Figure(0.4, 0.35, 0.45), 5000: None}
    row = halved("ipvs", times)
    assert row.verdict == "holds above 100 Services"
    assert row.figures == "100: 0.9 (0.8 to 1) times; 1,000: 0.4 (0.35 to 0.45) times"


def test_rows_without_intervals() -> None:
    """CPU, spread and growth say what they say."""
    assert less_cpu("ipvs", {100: (2.0, 1.0)}).verdict == FAILS
    assert even("ipvs", ok=True, sentence="even").verdict == HOLDS
    assert stable("ipvs", Figure(1.1, 0.9, 1.3), (100, 1000)).verdict == HOLDS
    assert stable("ipvs", Figure(2.0, 1.8, 2.3), (100, 1000)).verdict == FAILS
    assert stable("ipvs", None, (100, 1000)).verdict == OPEN
