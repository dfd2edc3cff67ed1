"""From a run of the suites against a defect to what became of the defect, as pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from reports.model import BuildKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Collection

    from reports.model import CaseResult, Run


class Fate(StrEnum):
    """What became of a defect."""

    KILLED = "killed"
    ELSEWHERE = "caught by another case"
    SURVIVED = "survived"
    NO_BUILD = "does not build"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Result:
    """A trial's end; `others` are further cases that failed, `seconds` do not count the build."""

    defect: str
    mode: str
    key: str
    fate: Fate
    killer: str = ""
    case: str = ""
    sentence: str = ""
    others: tuple[str, ...] = field(default=())
    seconds: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the suites found the defect."""
        return self.fate in {Fate.KILLED, Fate.ELSEWHERE}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run says of a defect, before it is filed."""

    fate: Fate
    killer: str = ""
    case: str = ""
    sentence: str = ""
    others: tuple[str, ...] = field(default=())


START = "start"
"""Stands for a case where kube-proxy itself says no: it does not start, crashes or never syncs."""


def judge(run: Run, caught_by: Collection[str], unfit: Collection[str] = ()) -> Finding:
    """Say what became of a defect.

    `caught_by` are the cases that are about it, `unfit` those that fail on the unchanged build as
    well and so show nothing.
    """
    failed = {r.case.id: r for r in run.results if r.outcome is Outcome.FAILED}
    for case in unfit:
        failed.pop(case, None)
    about = [case for case in caught_by if case in failed]
    if about or failed:
        killer = failed[about[0]] if about else failed[min(failed)]
        return Finding(
            Fate.KILLED if about else Fate.ELSEWHERE,
            killer.case.id,
            killer.case.summary,
            killer.sentence,
            tuple(sorted(set(failed) - {killer.case.id})),
        )
    verdict = run.build_verdict
    if verdict is not None and verdict.kind is not BuildKind.JUDGED:
        return Finding(Fate.KILLED, START, "kube-proxy comes up and syncs", verdict.sentence)
    return _unfailed(run, caught_by, unfit)


def _unfailed(run: Run, caught_by: Collection[str], unfit: Collection[str]) -> Finding:
    # Only a pass of every case that is about the defect lets it survive: what could not be judged
    # shows nothing.
    found = {r.case.id: r for r in run.results if r.case.id in caught_by}
    if run.interrupted:
        return Finding(Fate.UNDECIDED, sentence="the run was interrupted")
    useless = [case for case in caught_by if case in unfit]
    if run.harness_errors:
        return Finding(Fate.UNDECIDED, sentence=run.harness_errors[0].message)
    if useless:
        return Finding(Fate.UNDECIDED, sentence=f"{useless[0]} fails on the unchanged build, too")
    if not any(result.outcome is Outcome.PASSED for result in found.values()):
        return Finding(Fate.UNDECIDED, sentence=_why_none(list(found.values())))
    if undecided := [r for r in found.values() if r.outcome is Outcome.INCONCLUSIVE]:
        return Finding(Fate.UNDECIDED, undecided[0].case.id, sentence=undecided[0].sentence)
    return Finding(Fate.SURVIVED, sentence=f"{', '.join(sorted(found))} passed")


def _why_none(found: list[CaseResult]) -> str:
    if not found:
        return "none of the cases that are about it was run"
    return f"{found[0].case.id} was not run: {found[0].sentence}"


def unfit_cases(run: Run) -> dict[str, str]:
    """Return the cases that an unchanged build does not pass, with what they said."""
    return {
        result.case.id: result.sentence
        for result in run.results
        if result.outcome in {Outcome.FAILED, Outcome.INCONCLUSIVE}
    }
