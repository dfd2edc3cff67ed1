"""Upstream's verdicts beside this project's, on the same behaviour of the same build; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from reports.model import Outcome
from tests.upstream.junit import Found, first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reports.model import CaseResult
    from tests.upstream.mapping import Spec

DECIDED = frozenset({"passed", "failed"})
NOT_RUN = Found("not run", 0.0)


class Agreement(StrEnum):
    """What a spec and its cases say together."""

    AGREE = "agree"
    DISAGREE = "disagree"
    OPEN = "not compared"


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour: upstream's spec and verdict, the cases and theirs."""

    spec: Spec
    upstream: Found
    ours: Found

    @property
    def agreement(self) -> Agreement:
        """Whether both have decided, and for the same."""
        if {self.upstream.outcome, self.ours.outcome} - DECIDED:
            return Agreement.OPEN
        if self.upstream.outcome == self.ours.outcome:
            return Agreement.AGREE
        return Agreement.DISAGREE

    @property
    def note(self) -> str:
        """Why there is nothing to compare, or what the one that failed saw."""
        said = [found.sentence for found in (self.upstream, self.ours) if found.sentence]
        return self.spec.skip or self.spec.why or "; ".join(said)

    @property
    def missing(self) -> bool:
        """Whether a comparison was meant and one of both did not decide."""
        return bool(self.spec.cases) and self.agreement is Agreement.OPEN


def verdict(cases: Iterable[str], results: Sequence[CaseResult]) -> Found:
    """Return what cases say together: one that failed is enough, and all have to pass."""
    mine = [result for result in results if result.case.id in set(cases)]
    seconds = sum(result.duration_s for result in mine)
    for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE):
        for result in mine:
            if result.outcome is outcome:
                return Found(
                    str(outcome), seconds, f"{result.case.id}: {first_line(result.sentence)}"
                )
    passed = {result.case.id for result in mine if result.outcome is Outcome.PASSED}
    if passed >= set(cases):
        return Found("passed", seconds)
    lacking = next((r for r in mine if r.case.id not in passed), None)
    said = f"{lacking.case.id}: {lacking.sentence}" if lacking else ""
    return Found(str(lacking.outcome) if lacking else "not run", seconds, said)


def rows(
    specs: Iterable[Spec], upstream: Mapping[str, Found], results: Sequence[CaseResult]
) -> list[Row]:
    """Return a row for each spec of the table, and for each that upstream has besides."""
    known = {spec.text: spec for spec in specs}
    every = list(known.values())
    every += [unknown(text) for text in upstream if text not in known]
    return [
        Row(
            spec,
            upstream.get(spec.text, NOT_RUN),
            verdict(spec.cases, results) if spec.cases else NOT_RUN,
        )
        for spec in every
    ]


def unknown(text: str) -> Spec:
    """Return a spec that another version of upstream has."""
    from tests.upstream.mapping import Spec

    return Spec(text, why="the table of specs and cases does not have it")


@dataclass(frozen=True, slots=True)
class Totals:
    """The comparison in figures, in seconds: of the behaviours that both have decided."""

    ran: int
    compared: int
    agreed: int
    upstream: float
    ours: float


def totals(rows: Sequence[Row], results: Sequence[CaseResult]) -> Totals:
    """Add up; a case that several specs are compared with counts once."""
    both = [row for row in rows if row.agreement is not Agreement.OPEN]
    cases = {case for row in both for case in row.spec.cases}
    return Totals(
        ran=sum(row.upstream.outcome in DECIDED for row in rows),
        compared=len(both),
        agreed=sum(row.agreement is Agreement.AGREE for row in both),
        upstream=sum(row.upstream.seconds for row in both),
        ours=sum(result.duration_s for result in results if result.case.id in cases),
    )
