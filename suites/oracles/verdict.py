"""What an oracle says of the evidence, and how a pytest case acts on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Inconclusive(Exception):  # noqa: N818 - a verdict, not an error of anybody
    """The evidence decides neither for the build nor against it: the case ends inconclusive."""

    outcome = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One oracle's answer.

    `ok` is True (right), False (wrong) or None (the evidence does not decide); `sentence` says to a
    stranger what was seen against what is right; `table` is plain aligned text for the details;
    `figures` are the numbers behind it, by name, for the machine-readable record.
    """

    ok: bool | None
    sentence: str
    table: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.table}" if self.table else self.sentence


def right(sentence: str, table: str = "", figures: Mapping[str, float] | None = None) -> Judgement:
    """Judge that the evidence shows what is right."""
    return Judgement(True, sentence, table, figures or {})  # noqa: FBT003 - the function names it


def wrong(sentence: str, table: str = "", figures: Mapping[str, float] | None = None) -> Judgement:
    """Judge that the evidence shows something wrong."""
    return Judgement(False, sentence, table, figures or {})  # noqa: FBT003 - the function names it


def undecided(
    sentence: str, table: str = "", figures: Mapping[str, float] | None = None
) -> Judgement:
    """Judge that the evidence does not decide."""
    return Judgement(None, sentence, table, figures or {})


def require(judgement: Judgement) -> Judgement:
    """Give the judgement back if it is right, so that a case can record its figures.

    Raises AssertionError with the sentence and the table if it is wrong, and Inconclusive with the
    same text if the evidence does not decide.
    """
    if judgement.ok is None:
        raise Inconclusive(str(judgement))
    if not judgement.ok:
        raise AssertionError(str(judgement))
    return judgement


def all_of(*judgements: Judgement) -> Judgement:
    """Join judgements of the same evidence: wrong if any is wrong, else undecided if any is.

    Only the judgements that decided the outcome are quoted. Joining nothing is undecided, as a case
    that passes must have seen something. Figures of the same name: the first one stands.
    """
    if not judgements:
        return undecided("nothing was judged")
    outcomes = {judgement.ok for judgement in judgements}
    ok = False if False in outcomes else (None if None in outcomes else True)
    deciding = [judgement for judgement in judgements if judgement.ok is ok]
    figures: dict[str, float] = {}
    for judgement in judgements:
        figures = {**judgement.figures, **figures}
    return Judgement(
        ok,
        "; ".join(judgement.sentence for judgement in deciding),
        "\n\n".join(judgement.table for judgement in deciding if judgement.table),
        figures,
    )


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Align columns of plain text, parted by ' | '."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def listing(names: list[str], word: str, *, limit: int = 5) -> str:
    """Name things in a sentence: 'a', 'a or b', 'a, b or c', and at most `limit` of many."""
    shown = (
        names if len(names) <= limit else [*names[: limit - 1], f"{len(names) - limit + 1} more"]
    )
    if len(shown) <= 1:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"
