"""False alarms, power and exactness of the tests of randomness."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.statistics import (
    evenness_bound,
    independent_of,
    independent_order,
    never_chosen_samples,
    samples_needed,
    uniform,
    upper_rate,
)

ALPHA = 1e-9


def draw(rng: random.Random, weights: list[float], connections: int) -> dict[str, int]:
    """Count random picks, all backends named."""
    names = [f"web-{number}" for number in range(len(weights))]
    seen = Counter(rng.choices(names, weights, k=connections))
    return {name: seen[name] for name in names}


@pytest.mark.parametrize(("n", "connections"), [(2, 100), (4, 400), (2, 4000)])
def test_fair_picks_raise_no_more_false_alarms_than_stated(n: int, connections: int) -> None:
    """Of 2000 fair samples at alpha 1%, 20 or fewer are expected to fail; 40 would be 4 sigma."""
    rng = random.Random(20240607)  # noqa: S311 - a simulation
    runs = 2000 if connections < 1000 else 500
    alarms = sum(
        uniform(draw(rng, [1.0] * n, connections), alpha=0.01).ok is False for _ in range(runs)
    )
    assert alarms <= 0.01 * runs + 4 * math.sqrt(0.01 * runs)


def test_a_tenth_of_skew_is_caught_with_the_stated_number() -> None:
    """One backend 10% above its share fails every time, at an alpha fit for a real run."""
    rng = random.Random(7)  # noqa: S311 - a simulation
    connections = samples_needed(2, 0.1, ALPHA, 1e-3)
    for _ in range(20):
        judgement = uniform(draw(rng, [1.1, 0.9], connections), alpha=ALPHA)
        assert judgement.ok is False
        assert "% off its even share" in judgement.sentence


def test_power_is_what_it_claims_and_not_much_more() -> None:
    """Half of the number needed for 50% power misses more often than not."""
    rng = random.Random(11)  # noqa: S311 - a simulation
    connections = samples_needed(3, 0.2, 1e-4, 0.5) // 2
    caught = sum(
        uniform(draw(rng, [1.2, 0.9, 0.9], connections), alpha=1e-4).ok is False for _ in range(60)
    )
    assert caught < 30


def test_diffuse_skew_is_caught_where_no_single_backend_is_far_off() -> None:
    """Half of the backends a bit above and half a bit below fail by the sum of it."""
    counts = {f"web-{n}": 2000 + (110 if n % 2 else -110) for n in range(40)}
    judgement = uniform(counts, alpha=ALPHA)
    assert judgement.ok is False
    assert "more unevenly than chance" in judgement.sentence


def test_chain_of_wrong_probabilities_is_caught_by_a_small_sample() -> None:
    """Equal probabilities on each rule of a chain (1/3, 2/9, 4/9) fail within 1500 connections."""
    rng = random.Random(3)  # noqa: S311 - a simulation
    judgement = uniform(draw(rng, [3, 2, 4], 1500), alpha=ALPHA)
    assert judgement.ok is False


def test_missing_backend_is_named() -> None:
    """A backend that is never picked is named in the sentence."""
    judgement = uniform({"a": 100, "b": 100, "c": 0}, alpha=ALPHA)
    assert judgement.ok is False
    assert judgement.sentence.startswith("c got 0 of 200 connections, -100.0% off")


def test_round_robin_posing_as_random_is_too_even() -> None:
    """Perfectly even counts over 10 backends are no chance, even at alpha 1e-9."""
    judgement = uniform({f"web-{n}": 1000 for n in range(10)}, alpha=ALPHA)
    assert judgement.ok is False
    assert "too evenly" in judgement.sentence


def test_even_counts_of_two_backends_are_chance() -> None:
    """A fair proxy splits 10000 over 2 exactly evenly once in 125 runs: no proof of anything."""
    assert uniform({"a": 5000, "b": 5000}, alpha=ALPHA).ok is True


def test_a_pass_says_what_it_could_have_seen() -> None:
    """A small sample that passes does not pretend to have ruled out a small skew."""
    few, many = ({"a": 50 * k, "b": 52 * k} for k in (1, 100))
    assert uniform(few, alpha=ALPHA).sentence == (
        "102 connections were spread evenly over 2 backends; "
        "one off its share by 93% would have shown"
    )
    assert uniform(many, alpha=ALPHA).figures["visible_skew"] < 0.1


@pytest.mark.parametrize("counts", [{}, {"a": 50}, {"a": 0, "b": 0}, {"a": 5, "b": 4}])
def test_too_little_to_judge_a_spread(counts: dict[str, int]) -> None:
    """One backend, no connections or a handful of them are undecided."""
    assert uniform(counts, alpha=ALPHA).ok is None


@given(st.integers(2, 4), st.integers(1, 14), st.integers(0, 8))
def test_evenness_bound_is_never_below_the_exact_probability(
    n: int, total: int, spread: int
) -> None:
    """For every small case the bound is at least what counting all splits gives."""
    pearson = spread * n / total  # spread is the sum of squared differences from even
    exact = sum(
        math.factorial(total) / math.prod(map(math.factorial, split)) / n**total
        for split in itertools.product(range(total + 1), repeat=n)
        if sum(split) == total and sum((seen - total / n) ** 2 for seen in split) <= spread + 1e-9
    )
    assert evenness_bound(n, total, pearson) >= exact * (1 - 1e-9)


def test_order_of_independent_picks_passes() -> None:
    """Random picks repeat as often as chance has it."""
    rng = random.Random(5)  # noqa: S311 - a simulation
    assert independent_order(rng.choices("abcd", k=400), 4, ALPHA).ok is True


def test_order_catches_a_cycle_with_even_counts() -> None:
    """A cycle never repeats, which 76 connections over 4 backends show."""
    judgement = independent_order("abcd" * 19, 4, ALPHA)
    assert judgement.ok is False
    assert "picks avoid the backend before: 0 of 75" in judgement.sentence


def test_order_catches_stickiness_with_even_counts() -> None:
    """Runs of the same backend are no independent picks, whatever the totals."""
    judgement = independent_order("a" * 50 + "b" * 50, 2, ALPHA)
    assert judgement.ok is False
    assert "cling" in judgement.sentence


@pytest.mark.parametrize("sequence", ["", "a", "abcd" * 18 + "abc"])
def test_order_of_too_few_connections_is_undecided(sequence: str) -> None:
    """What could not have failed as a cycle does not pass."""
    assert independent_order(sequence, 4, ALPHA).ok is None


def test_false_alarms_of_the_order() -> None:
    """At alpha 1%, fair sequences fail no more often than stated."""
    rng = random.Random(13)  # noqa: S311 - a simulation
    alarms = sum(
        independent_order(rng.choices("abc", k=60), 3, 0.01).ok is False for _ in range(2000)
    )
    assert alarms <= 20 + 4 * math.sqrt(20)


def test_samples_needed_agrees_with_the_published_table() -> None:
    """X2 alone at alpha 1e-9, power .999, 10%: 28010 for 4 backends (Cohen's method)."""
    assert samples_needed(4, 0.1, 4e-9, 1e-3) == pytest.approx(28010, abs=2)


def test_samples_needed_grow_with_what_is_asked() -> None:
    """More backends, less skew or less error cost more connections."""
    base = samples_needed(4, 0.1, ALPHA, 1e-3)
    assert samples_needed(8, 0.1, ALPHA, 1e-3) > 2 * base
    assert samples_needed(4, 0.05, ALPHA, 1e-3) == pytest.approx(4 * base, rel=1e-3)
    assert samples_needed(4, 0.1, 1e-6, 1e-3) < base


@given(st.integers(2, 50), st.floats(1e-12, 0.1))
def test_never_chosen_samples_are_the_fewest_that_do(n: int, alpha: float) -> None:
    """The union bound holds at the number and not yet one before."""
    enough = never_chosen_samples(n, alpha)
    assert n * (1 - 1 / n) ** enough <= alpha * (1 + 1e-9)
    assert n * (1 - 1 / n) ** (enough - 1) > alpha * (1 - 1e-9)


def test_one_backend_is_seen_at_once() -> None:
    """A single backend needs a single connection."""
    assert never_chosen_samples(1, ALPHA) == 1


def test_upper_rate_without_failures_is_exact() -> None:
    """No failures in N tries bound the rate at 1 - alpha^(1/N)."""
    assert upper_rate(0, 20_700, ALPHA) == pytest.approx(1 - ALPHA ** (1 / 20_700), rel=1e-9)


@given(st.integers(1, 60), st.data())
def test_upper_rate_is_where_so_few_failures_become_improbable(
    tries: int, data: st.DataObject
) -> None:
    """At the bound, so few failures have exactly the probability alpha."""
    failures = data.draw(st.integers(0, tries - 1))
    rate = upper_rate(failures, tries, 0.01)
    so_few = sum(
        math.comb(tries, k) * rate**k * (1 - rate) ** (tries - k) for k in range(failures + 1)
    )
    assert so_few == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize(("failures", "tries"), [(0, 0), (3, 3)])
def test_upper_rate_that_nothing_bounds(failures: int, tries: int) -> None:
    """No tries, or nothing but failures, leave any rate possible."""
    assert upper_rate(failures, tries, 0.01) == 1.0


def ported(rng: random.Random, count: int, odd: list[float]) -> list[tuple[str, str]]:
    """Pick among three backends, evenly from even source ports and by `odd` from odd ones."""
    names = ["a", "b", "c"]
    return [
        (rng.choices(names, odd if port % 2 else None)[0], "odd" if port % 2 else "even")
        for port in range(count)
    ]


def test_chance_does_not_look_at_the_source_port() -> None:
    """Of 300 fair samples at alpha 1%, 3 are expected to fail; 10 would be 4 sigma."""
    rng = random.Random(20240609)  # noqa: S311 - a simulation
    judged = [
        independent_of(ported(rng, 6900, [1, 1, 1]), "source port", alpha=0.01).ok
        for _ in range(300)
    ]
    assert judged.count(None) == 0
    assert judged.count(False) <= 10


@pytest.mark.parametrize("odd", [[1.3, 1.0, 0.7], [0, 1, 1]])
def test_a_choice_by_source_port_is_found(odd: list[float]) -> None:
    """Even where each backend's total would pass, the table of both tells."""
    rng = random.Random(20240610)  # noqa: S311 - a simulation
    judged = independent_of(ported(rng, 12000, odd), "source port", alpha=ALPHA)
    assert judged.ok is False
    assert "source port" in judged.sentence


@pytest.mark.parametrize("count", [0, 1, 900])
def test_few_connections_show_no_effect_of_a_port(count: int) -> None:
    """Nothing is decided where the chi-square tail is no sound stand-in."""
    rng = random.Random(20240611)  # noqa: S311 - a simulation
    assert independent_of(ported(rng, count, [1, 1, 1]), "port", alpha=ALPHA).ok is None
