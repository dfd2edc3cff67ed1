"""The judge of random picks with known chances: what it lets pass, what it catches, how often."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from suites.oracles.forecasts import follows_chances
from suites.oracles.schedulers.choices import TwoChoices
from suites.oracles.schedulers.destinations import Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ALPHA = 1e-9
NAMES = "abcd"


def by_chance(chances: Mapping[str, float], dice: random.Random) -> str:
    """Pick as twos does."""
    return dice.choices(list(chances), list(chances.values()))[0]


def evenly(chances: Mapping[str, float], dice: random.Random) -> str:
    """Pick as iptables does."""
    return dice.choice(list(chances))


def never_a(chances: Mapping[str, float], dice: random.Random) -> str:
    """Pick as twos does, but never the first."""
    rest = {name: chance for name, chance in chances.items() if name != "a"}
    return by_chance(rest, dice)


def run(
    picker: Callable[[Mapping[str, float], random.Random], str], seed: int, count: int
) -> tuple[list[str], list[Mapping[str, float]]]:
    """Make short connections that a picker schedules; give picks and the chances of each."""
    dice = random.Random(seed)  # noqa: S311 - a fixed seed, nothing secret
    model = TwoChoices([Destination(name) for name in NAMES])
    picks, chances = [], []
    for _ in range(count):
        now = model.chances()
        picks.append(picker(now, dice))
        chances.append(now)
        model.arrived(picks[-1])
    return picks, chances


@pytest.mark.parametrize("seed", range(20))
def test_true_chances_pass(seed: int) -> None:
    """A thousand picks by the chances are enough to be told from even ones, and are right."""
    assert follows_chances(*run(by_chance, seed, 1000), alpha=ALPHA).ok is True


@pytest.mark.parametrize("seed", range(20))
def test_an_even_choice_is_found(seed: int) -> None:
    """Picks that look at no load are not those of twos."""
    assert follows_chances(*run(evenly, seed, 1000), alpha=ALPHA).ok is False


def test_one_that_is_never_picked_is_found() -> None:
    """An endpoint left out is named, with what chance would explain."""
    judgement = follows_chances(*run(never_a, 1, 400), alpha=ALPHA)
    assert judgement.ok is False
    assert judgement.sentence.startswith("a got ")
    assert "too few" in judgement.sentence


@pytest.mark.parametrize("count", [0, 5])
def test_few_picks_decide_nothing(count: int) -> None:
    """Neither right nor wrong."""
    assert follows_chances(*run(by_chance, 1, count), alpha=ALPHA).ok is None


def test_false_alarms_are_rarer_than_stated() -> None:
    """At an alpha of one in ten, far fewer than one in ten of 400 true runs are called wrong."""
    alarms = [
        follows_chances(*run(by_chance, seed, 60), alpha=0.1).ok is False for seed in range(400)
    ]
    assert sum(alarms) <= 40
