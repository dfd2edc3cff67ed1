"""The ratio's interval: right answers, few false alarms, and enough power, all by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from suites.oracles.ratio import Ratio, differs, gate, ratio

ROUNDS = 30
NOISE = 0.12
"""Spread of a round's log ratio of medians, as on a busy machine."""


def rounds(
    factor: float, seed: int, count: int = ROUNDS, *, outliers: float = 0.1
) -> list[tuple[float, float]]:
    """Draw pairs whose first is `factor` times the second; a neighbour disturbs a share of them."""
    random = np.random.default_rng(seed)
    logs = random.normal(np.log(factor), NOISE, count)
    disturbed = random.random(count) < outliers
    logs[disturbed] += random.normal(0, 1.0, disturbed.sum())
    base = random.uniform(200.0, 900.0, count)
    return [(float(b * np.exp(value)), float(b)) for b, value in zip(base, logs, strict=True)]


def test_ratio_of_equal_rounds_is_exact() -> None:
    """Without noise there is no interval to speak of."""
    found = ratio([(3.0, 2.0)] * 10)
    assert found is not None
    assert (found.middle, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))


@pytest.mark.parametrize("pairs", [[], [(1.0, 1.0)] * 5, [(0.0, 1.0)] * 50])
def test_too_few_rounds_say_nothing(pairs: list[tuple[float, float]]) -> None:
    """Rounds that saw nothing do not count."""
    assert ratio(pairs) is None
    assert gate(ratio(pairs), 2.0, "it").ok is None


@pytest.mark.parametrize("count", [8, 16, ROUNDS])
def test_interval_holds_what_is_true(count: int) -> None:
    """A 99% interval misses the true ratio in about 10 of 1,000 experiments, also of few rounds."""
    found = [ratio(rounds(1.2, seed, count)) for seed in range(1000)]
    missed = sum(not (r and r.low <= 1.2 <= r.high) for r in found)
    assert missed <= 20


def test_same_builds_raise_no_alarm() -> None:
    """A build against itself is beyond a limit of 10% in at most 1% of 1,000 experiments."""
    alarms = sum(gate(ratio(rounds(1.0, seed)), 1.10, "it").ok is False for seed in range(1000))
    assert alarms <= 10


def test_a_quarter_more_is_found() -> None:
    """A build 25% slower is found against a limit of 10% in at least 95% of 200 experiments."""
    found = sum(gate(ratio(rounds(1.25, seed, 60)), 1.10, "it").ok is False for seed in range(200))
    assert found >= 190


def test_a_tenth_more_is_seen_to_differ() -> None:
    """A build 10% slower is seen to differ from itself in at least 95% of 200 experiments."""
    seen = [ratio(rounds(1.10, seed, 60)) for seed in range(200)]
    assert sum(r is not None and differs(r) for r in seen) >= 190


def controlled(
    factor: float, seed: int, count: int = 24, *, share: float = 0.8
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Draw pairs and controls; a `share` of the pairs' variance is what the controls have as well.

    A neighbour disturbs a tenth of the rounds, in both.
    """
    random = np.random.default_rng(seed)
    common = random.normal(0, NOISE * np.sqrt(share), count)
    common[random.random(count) < 0.1] += 0.5
    own = random.normal(np.log(factor), NOISE * np.sqrt(1 - share), count)
    noise = common + random.normal(0, 0.03, count)
    pairs = [(float(300 * np.exp(value)), 300.0) for value in common + own]
    return pairs, [(float(200 * np.exp(value)), 200.0) for value in noise]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("count", [8, 24])
def test_controlled_interval_holds_what_is_true(count: int, share: float) -> None:
    """With controls a 99% interval misses no oftener, whether they explain much or nothing."""
    missed = 0
    for seed in range(1000):
        pairs, controls = controlled(1.2, seed, count, share=share)
        found = ratio(pairs, controls=controls)
        missed += not (found and found.low <= 1.2 <= found.high)
    assert missed <= 20


def test_controls_find_more() -> None:
    """What controls explain hides no difference: 10% are seen in 95% instead of half."""
    alone = together = 0
    for seed in range(200):
        pairs, controls = controlled(1.1, seed)
        one, other = ratio(pairs), ratio(pairs, controls=controls)
        assert one
        assert other
        alone += differs(one)
        together += differs(other)
    assert together >= 190
    assert alone <= 150


def test_controls_that_say_nothing_change_nothing() -> None:
    """Of equal controls nothing can be explained; a round without a control does not count."""
    pairs = rounds(1.2, 1, 12)
    told = ratio(pairs, controls=[(1.0, 1.0)] * 12)
    alone = ratio(pairs)
    assert told
    assert alone
    assert told.middle == alone.middle
    seen = ratio(pairs, controls=[(0.0, 1.0), *[(1.0, 1.0)] * 11])
    assert seen
    assert seen.rounds == 11


def test_gate_says_what_was_seen() -> None:
    """The sentence has the figure, its interval and the budget."""
    judgement = gate(Ratio(1.5, 1.4, 1.6, 20), 1.2, "connect p50")
    assert judgement.ok is False
    assert judgement.sentence == (
        "connect p50 is 1.50 (1.40 to 1.60) times as large; the budget is 1.2"
    )


@pytest.mark.parametrize(("limit", "ok"), [(1.3, False), (1.5, None), (1.7, True)])
def test_gate_is_undecided_across_the_limit(limit: float, ok: bool | None) -> None:  # noqa: FBT001
    """Only a whole interval on one side decides."""
    assert gate(Ratio(1.5, 1.4, 1.6, 20), limit, "it").ok is ok


def test_ratio_of_ratios() -> None:
    """Uncertainties add up, and equal ones cancel to 1."""
    found = Ratio(2.0, 1.8, 2.2, 20).over(Ratio(2.0, 1.8, 2.2, 12))
    assert (found.middle, found.rounds) == (1.0, 12)
    assert found.low < 0.9
    assert found.high > 1.1
