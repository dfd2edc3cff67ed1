"""The open loop: who attempts when, and whose turn it is."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from fixtures.load.schedule import SECOND, Schedule, Step, Turns, parse_steps


def moments(schedule: Schedule) -> list[int]:
    return sorted(at for user in range(schedule.users) for at in schedule.moments(user))


@pytest.mark.parametrize("users", [1, 7, 20])
def test_all_users_together_have_the_rate(users: int) -> None:
    """However many share it, so many attempts fall into each second."""
    found = moments(Schedule((Step(100, 5),), users, seed=3))
    assert 500 - users <= len(found) <= 500 + users
    by_second = Counter(at // SECOND for at in found)
    assert all(abs(count - 100) <= users for count in by_second.values())
    assert found[-1] < 5 * SECOND


def test_steps_follow_each_other() -> None:
    """Each step has its own rate, from its own beginning."""
    schedule = Schedule(parse_steps("100x2,400x1,100x2"), 10, seed=1)
    by_second = Counter(at // SECOND for at in moments(schedule))
    assert [round(by_second[second], -1) for second in range(5)] == [100, 100, 400, 100, 100]
    assert [schedule.rate_at(at) for at in (0.5, 2.5, 4.5, 6)] == [100, 400, 100, 0]
    assert schedule.seconds == 5


def test_users_do_not_fire_together() -> None:
    """The gap between two attempts of anybody's is never much above or below the even one."""
    found = moments(Schedule((Step(100, 5),), 20, seed=9))
    gaps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert max(gaps) < 4 * SECOND // 100


def test_the_seed_decides() -> None:
    """The same seed gives the same moments, another gives others."""
    first, again, other = (Schedule((Step(50, 2),), 5, seed) for seed in (4, 4, 5))
    assert moments(first) == moments(again) != moments(other)


@pytest.mark.parametrize("text", ["", "100", "x5", "100x0", "0x5", "100x5,", "-1x5", "100x5;2x3"])
def test_bad_steps_are_refused(text: str) -> None:
    """What is no rate with its seconds says how to write one."""
    with pytest.raises(ValueError, match="RATExSECONDS"):
        parse_steps(text)


def test_turns_are_there_and_back() -> None:
    """Two arms go ABBA or BAAB, and both happen."""
    turns = Turns(["a", "b"], 0.5, seed=2)
    rounds = []
    for number in range(20):
        seen = [turns.at((4 * number + place) * SECOND // 2) for place in range(4)]
        assert {found for _, found in seen} == {number}
        rounds.append("".join(arm for arm, _ in seen))
    assert set(rounds) == {"abba", "baab"}


def test_every_arm_has_its_turns() -> None:
    """In a round each of four arms has two blocks, mirrored."""
    turns = Turns(list("abcd"), 0.1, seed=2)
    order = [turns.at(int(place * 0.1 * SECOND) + 1)[0] for place in range(8)]
    assert order[:4] == order[:3:-1]
    assert set(order) == set("abcd")
