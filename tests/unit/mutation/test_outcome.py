"""From a run to what became of a defect."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reports.model import (
    BuildKind,
    BuildVerdict,
    CaseInfo,
    CaseResult,
    HarnessProblem,
    Outcome,
    Run,
    RunInfo,
)
from tests.mutation.outcome import START, Fate, judge, unfit_cases

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
UP = BuildVerdict(kind=BuildKind.JUDGED)


def run_of(*outcomes: tuple[str, Outcome], verdict: BuildVerdict = UP, **fields: object) -> Run:
    """Return a run with these cases' outcomes."""
    results = [
        CaseResult(
            case=CaseInfo(id=case, name=case, summary=f"{case} is right", profile="routing"),
            outcome=outcome,
            sentence=f"{case} {outcome}",
        )
        for case, outcome in outcomes
    ]
    info = RunInfo(id="x", started=datetime(2026, 11, 26, tzinfo=UTC))
    known = {"info": info, "build_verdict": verdict, "results": results}
    return Run.model_validate(known | fields)


def test_a_case_about_it_kills_a_defect() -> None:
    """The first of `caught_by` is named, other failures are listed."""
    run = run_of(("SVC-002", FAILED), ("SVC-001", FAILED), ("SVC-003", PASSED))
    found = judge(run, ("SVC-003", "SVC-001"))
    assert (found.fate, found.killer, found.others) == (Fate.KILLED, "SVC-001", ("SVC-002",))
    assert found.sentence == "SVC-001 failed"
    assert found.case == "SVC-001 is right"


def test_another_case_is_told_apart() -> None:
    found = judge(run_of(("SVC-001", PASSED), ("SVC-002", FAILED)), ("SVC-001",))
    assert (found.fate, found.killer) == (Fate.ELSEWHERE, "SVC-002")


def test_what_fails_without_the_defect_shows_nothing() -> None:
    run = run_of(("SVC-001", FAILED))
    found = judge(run, ("SVC-001",), unfit={"SVC-001"})
    assert found.fate is Fate.UNDECIDED
    assert "unchanged build" in found.sentence


def test_a_build_that_does_not_start_is_found() -> None:
    verdict = BuildVerdict(kind=BuildKind.CRASHES, sentence="it crashes")
    found = judge(run_of(verdict=verdict), ("SVC-001",))
    assert (found.fate, found.killer, found.sentence) == (Fate.KILLED, START, "it crashes")


def test_only_passed_cases_let_a_defect_survive() -> None:
    assert judge(run_of(("SVC-001", PASSED)), ("SVC-001", "SVC-002")).fate is Fate.SURVIVED


@pytest.mark.parametrize(
    "run",
    [
        run_of(),
        run_of(("SVC-001", Outcome.SKIPPED)),
        run_of(("SVC-001", PASSED), ("SVC-002", Outcome.INCONCLUSIVE)),
        run_of(("SVC-001", PASSED), interrupted=True),
        run_of(
            ("SVC-001", PASSED), harness_errors=[HarnessProblem(where="here", message="broken")]
        ),
    ],
)
def test_no_judgement_is_no_survival(run: Run) -> None:
    """A defect survives by passes, never by a testbed that failed or a case that did not run."""
    found = judge(run, ("SVC-001", "SVC-002"))
    assert found.fate is Fate.UNDECIDED
    assert found.sentence


def test_unfit_cases_are_those_that_did_not_pass() -> None:
    run = run_of(("A", PASSED), ("B", FAILED), ("C", Outcome.INCONCLUSIVE), ("D", Outcome.SKIPPED))
    assert unfit_cases(run) == {"B": "B failed", "C": "C inconclusive"}
