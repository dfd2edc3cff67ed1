"""Judges of the order in which connections reached backends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers import scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.sequence import matches_model, one_backend, shares_within_one, strict_cycle

NAMES = st.integers(1, 6).map(lambda n: [f"web-{number}" for number in range(n)])


@given(NAMES, st.integers(0, 20), st.integers(1, 20))
def test_round_robin_is_a_strict_cycle(names: list[str], before: int, more: int) -> None:
    """What rr does passes from any point of its walk, with the order known or not."""
    model = scheduler("rr", [Destination(name) for name in names])
    for _ in range(before):
        model.connect("10.0.0.1")
    sequence = [model.connect("10.0.0.1") for _ in range(len(names) + more)]
    assert strict_cycle(sequence, names).ok is True
    assert strict_cycle(sequence, backends=names).ok is True


@given(NAMES.filter(lambda names: len(names) > 1), st.data())
def test_one_swap_breaks_a_cycle(names: list[str], data: st.DataObject) -> None:
    """Any connection that went elsewhere is found, and is the one that is named."""
    sequence = names * 3
    turn = data.draw(st.integers(len(names), len(sequence) - 1))
    sequence[turn] = data.draw(st.sampled_from([n for n in names if n != sequence[turn]]))
    judgement = strict_cycle(sequence, names)
    assert judgement.ok is False
    assert judgement.sentence.startswith(f"connection {turn + 1} went to {sequence[turn]},")


def test_break_is_told_and_shown() -> None:
    """The sentence says who was met and who was due, the table shows the surroundings."""
    judgement = strict_cycle(list("abcabcbbc"), list("abc"))
    assert judgement.sentence == "connection 7 went to b, the cycle says a"
    assert judgement.table.splitlines() == [
        "connection | expected | seen",
        "3          | c        | c",
        "4          | a        | a",
        "5          | b        | b",
        "6          | c        | c",
        "7          | a        | b",
        "8          | b        | b",
        "9          | c        | c",
    ]


def test_failed_connection_breaks_a_cycle() -> None:
    """A connection that reached nobody is named."""
    judgement = strict_cycle(["a", "b", "a", None], ["a", "b"])
    assert judgement.sentence == "connection 4 reached no backend, the cycle says b"


def test_wrong_order_is_no_cycle_of_that_order() -> None:
    """A cycle the other way around fails a known order and passes an unknown one."""
    assert strict_cycle(list("cbacba"), list("abc")).ok is False
    assert strict_cycle(list("cbacba")).ok is True


def test_missing_backend_is_told_when_the_order_is_not_known() -> None:
    """A cycle over some of the backends is not a cycle over all of them."""
    judgement = strict_cycle(list("ababab"), backends={"a", "b", "c"})
    assert judgement.ok is False
    assert judgement.sentence == (
        "the first round of connections went to a and b; "
        "it should have been to each of a, b and c once"
    )


@pytest.mark.parametrize(
    ("sequence", "order"), [([], ["a"]), (list("abc"), list("abc")), ([], None), (["a", "b"], None)]
)
def test_less_than_a_round_is_undecided(sequence: list[str], order: list[str] | None) -> None:
    """Without a second round nothing was seen to repeat."""
    assert strict_cycle(sequence, order).ok is None


def test_chance_of_random_picks_is_given() -> None:
    """The probability that random picks pose as the cycle is among the figures."""
    assert strict_cycle(list("abcd" * 8), list("abcd")).figures["chance"] == pytest.approx(4.0**-28)


def test_model_and_refusals_are_matched() -> None:
    """A predicted refusal is right, an unpredicted one is wrong."""
    assert matches_model(["a", None, "b"], ["a", None, "b"]).ok is True
    judgement = matches_model(["a", "c"], ["a", None])
    assert judgement.sentence == "connection 2 went to c, the model says refused"
    assert matches_model(["a", None], ["a", "b"], model="sh").sentence == (
        "connection 2 reached no backend, sh says b"
    )


def test_model_of_another_length() -> None:
    """Fewer connections than predicted are undecided, more are wrong, none are undecided."""
    assert matches_model(["a"], ["a", "b"]).ok is None
    assert matches_model(["a", "b"], ["a"]).ok is False
    assert matches_model([], []).ok is None


@pytest.mark.parametrize(
    ("counts", "unknown", "ok"),
    [
        ({"a": 4, "b": 5, "c": 4}, 0, True),
        ({"a": 3, "b": 5}, 0, False),
        ({"a": 3, "b": 5}, 1, True),
        ({"a": 5, "b": 0}, 0, False),
        ({"a": 1, "b": 0}, 0, None),
        ({}, 0, None),
    ],
)
def test_shares(counts: dict[str, int], unknown: int, ok: bool | None) -> None:  # noqa: FBT001
    """Shares may differ by one, and by one more per connection of unknown fate."""
    assert shares_within_one(counts, unknown=unknown).ok is ok


@pytest.mark.parametrize(
    ("sequence", "ok"),
    [
        (["a", "a", "a"], True),
        (["a", "b"], False),
        (["a", None], False),
        ([None, None], False),
        (["a"], None),
    ],
)
def test_stickiness(sequence: list[str | None], ok: bool | None) -> None:  # noqa: FBT001
    """All connections to one backend; failures are no backend, one connection shows nothing."""
    assert one_backend(sequence).ok is ok
