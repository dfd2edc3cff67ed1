"""The chances of the twos scheduler."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers.choices import TwoChoices
from suites.oracles.schedulers.destinations import Destination


def kernels_pick(destinations: list[Destination], dice: random.Random) -> str:
    """Pick as ip_vs_twos_schedule is written, statement by statement."""
    total = sum(d.weight for d in destinations) + 1
    rest1, rest2 = dice.randrange(total), dice.randrange(total)
    choice1 = destinations[-1]
    choice2 = None
    weight1 = weight2 = -1
    overhead1 = overhead2 = 0
    for d in destinations:
        rest1 -= d.weight
        rest2 -= d.weight
        load = d.active * 256 + d.active + d.inactive
        if rest1 <= 0 and weight1 == -1:
            choice1, weight1, overhead1 = d, d.weight, load
        if rest2 <= 0 and weight2 == -1:
            choice2, weight2, overhead2 = d, d.weight, load
        if weight1 != -1 and weight2 != -1:
            break
    if choice2 and weight2 * overhead1 > weight1 * overhead2:
        choice1 = choice2
    return choice1.name


@pytest.mark.parametrize(
    "destinations",
    [
        [Destination("a"), Destination("b"), Destination("c")],
        [Destination("a", active=1), Destination("b"), Destination("c", inactive=3)],
        [Destination("a", 3), Destination("b", 1, inactive=2), Destination("c", 2, inactive=4)],
        [Destination("a")],
    ],
)
def test_chances_are_those_of_the_kernels_code(destinations: list[Destination]) -> None:
    """Twenty thousand picks of a transcription of the C come as often as the chances say."""
    chances = TwoChoices(destinations).chances()
    dice = random.Random(1)  # noqa: S311 - a fixed seed, nothing secret
    rounds = 20_000
    seen = Counter(kernels_pick(destinations, dice) for _ in range(rounds))
    for name, chance in chances.items():
        deviation = math.sqrt(rounds * chance * (1 - chance))
        assert abs(seen[name] - rounds * chance) <= 5 * deviation


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6
    )
)
def test_chances_add_up(rows: list[tuple[int, int, int]]) -> None:
    """All usable destinations together get the connection, the others have no chance."""
    destinations = [Destination(str(at), *row) for at, row in enumerate(rows)]
    chances = TwoChoices(destinations).chances()
    assert set(chances) == {d.name for d in destinations if d.weight}
    if chances:
        assert math.fsum(chances.values()) == pytest.approx(1.0)


def test_the_head_of_an_idle_list_has_twice_the_chance() -> None:
    """The draw includes both ends, which is one chance more for the first."""
    chances = TwoChoices([Destination(name) for name in "abcd"]).chances()
    assert chances == pytest.approx({"a": 0.4, "b": 0.2, "c": 0.2, "d": 0.2})


def test_the_busiest_is_picked_only_when_it_is_drawn_twice() -> None:
    """A loaded destination loses against every other one."""
    service = TwoChoices([Destination(name) for name in "abcd"])
    service.arrived("d")
    assert service.chances()["d"] == pytest.approx(0.2 * 0.2)


def test_a_connection_cannot_be_predicted() -> None:
    """The model says so rather than guess."""
    with pytest.raises(NotImplementedError):
        TwoChoices([Destination("a")]).connect("10.0.0.1")
