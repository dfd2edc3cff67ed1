"""How many connections are made to see who answers, and when they are enough."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from suites.oracles.verdict import Judgement, right, wrong
from suites.reaching import Reaching
from tests.unit.attempts import attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.agent.attempts import Attempts


def rounds(*backends: str) -> Callable[[int], Attempts]:
    """Answer as these backends do, one after the other."""
    turn = itertools.cycle(backends)
    return lambda number: attempts(*({"backend": next(turn)} for _ in range(number)))


def test_a_few_rounds_do_where_pods_have_their_turns() -> None:
    """Three rounds of the pods and of one more that should be gone; at random it takes more."""
    assert Reaching(["a", "b"], in_turn=True).number == 9
    assert Reaching(["a", "b"]).number == 54
    seen, judgement = Reaching(["a", "b"], in_turn=True).look(rounds("a", "b"))
    assert len(seen) == 9
    assert judgement.ok


@pytest.mark.parametrize("count", [1, 2, 5, 250])
def test_a_pod_that_should_be_gone_is_met(count: int) -> None:
    """Whoever has a turn that is nobody's is met, whichever place it has in the round."""
    names = [f"web-{number}" for number in range(count)]
    for place in {0, count // 2, count}:
        seen, judgement = Reaching(names, in_turn=True).look(
            rounds(*names[:place], "gone", *names[place:])
        )
        assert judgement.ok is False
        assert "gone" in judgement.sentence
        assert len(seen) == 3 * (count + 1)


def test_a_pod_that_misses_its_turns_is_asked_for_again() -> None:
    """Somebody else's connections take every second turn for a while; then it is met."""
    others = itertools.chain(range(2, 20, 2), itertools.count(20))
    turns = (["a", "b"][number % 2] for number in others)
    seen, judgement = Reaching(["a", "b"], in_turn=True).look(
        lambda number: attempts(*({"backend": next(turns)} for _ in range(number)))
    )
    assert len(seen) == 54
    assert judgement.ok


def test_a_pod_that_has_no_turns_is_wrong() -> None:
    """As many connections as would show it at random: then none ever arrives."""
    seen, judgement = Reaching(["a", "b"], in_turn=True).look(rounds("a"))
    assert len(seen) == 54
    assert judgement.ok is False
    assert "reached b" in judgement.sentence


def test_a_wrong_answer_among_a_few_is_no_reason_for_more() -> None:
    """What was seen to be wrong is not looked at again."""
    seen, judgement = Reaching(["a", "b"], in_turn=True).look(rounds("a", "gone"))
    assert len(seen) == 9
    assert judgement.ok is False


def test_affinity_is_tried_as_often_as_ever() -> None:
    """A client that stays with one pod has no turns to go by."""
    affine = Reaching(["a", "b"], every_pod=False, in_turn=True)
    assert affine.number == Reaching(["a", "b"], every_pod=False).number == 31
    assert affine.look(rounds("a"))[1].ok


def test_a_further_judge_has_to_agree() -> None:
    """It sees what was made so far, and all of it at the end."""
    lengths: list[int] = []

    def also(seen: Attempts) -> Judgement:
        lengths.append(len(seen))
        return right("fine") if len(seen) == 1 else wrong("too many")

    reaching = Reaching(["a"], also=also)
    assert reaching.so_far(attempts({})).ok
    assert reaching.look(rounds("a"))[1].ok is False
    assert lengths[0] == 1
