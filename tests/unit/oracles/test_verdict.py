"""How judgements are joined, acted on and worded."""

from __future__ import annotations

import pytest

from suites.oracles.verdict import (
    Inconclusive,
    Judgement,
    all_of,
    listing,
    require,
    right,
    table,
    undecided,
    wrong,
)


def test_require_gives_a_right_judgement_back() -> None:
    """A right judgement passes through with its figures."""
    judgement = right("all 3 arrived", figures={"connections": 3.0})
    assert require(judgement) is judgement


def test_require_raises_with_sentence_and_table() -> None:
    """A wrong judgement fails the case with its sentence and its table."""
    with pytest.raises(AssertionError, match=r"^web-1 is missing\nbackend \| seen$"):
        require(wrong("web-1 is missing", "backend | seen"))


def test_require_keeps_inconclusive_apart_from_failed() -> None:
    """An undecided judgement is neither a pass nor an assertion that failed."""
    with pytest.raises(Inconclusive, match="too few") as caught:
        require(undecided("too few"))
    assert not isinstance(caught.value, AssertionError)


@pytest.mark.parametrize(
    ("parts", "ok", "sentence"),
    [
        ([right("a"), right("b")], True, "a; b"),
        ([right("a"), undecided("b")], None, "b"),
        ([undecided("a"), wrong("b"), right("c")], False, "b"),
        ([], None, "nothing was judged"),
    ],
)
def test_joined_judgements(parts: list[Judgement], ok: bool | None, sentence: str) -> None:  # noqa: FBT001
    """The worst judgement decides and only those that decided are quoted."""
    joined = all_of(*parts)
    assert (joined.ok, joined.sentence) == (ok, sentence)


def test_joined_figures_keep_the_first_of_a_name() -> None:
    """Figures of all judgements are kept, the first of each name."""
    joined = all_of(right("a", figures={"x": 1.0}), wrong("b", figures={"x": 2.0, "y": 3.0}))
    assert joined.figures == {"x": 1.0, "y": 3.0}


def test_table_is_aligned() -> None:
    """Cells are padded to their column, but not the end of the line."""
    assert table(("name", "n"), [("a", "12"), ("web-12", "3")]).splitlines() == [
        "name   | n",
        "a      | 12",
        "web-12 | 3",
    ]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a or b"),
        (list("abcde"), "a, b, c, d or e"),
        (list("abcdefg"), "a, b, c, d or 3 more"),
    ],
)
def test_listing_of_names(names: list[str], text: str) -> None:
    """Names are listed as a sentence lists them, and many are counted."""
    assert listing(names, "or") == text
