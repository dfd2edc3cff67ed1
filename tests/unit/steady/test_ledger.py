"""Runs add up, and whatever speaks against an unchanged build counts as an alarm."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from reports.model import CaseInfo, CaseResult, HarnessProblem, Outcome, Run, RunInfo
from tests.steady.ledger import append, at_most, kept, read, rows
from tests.steady.page import page

if TYPE_CHECKING:
    from pathlib import Path


def run_of(*outcomes: Outcome, broken: bool = False) -> Run:
    """Return a run with a case for each outcome."""
    cases = [
        CaseResult(
            case=CaseInfo(id=f"X-{n}", name="x", summary="x", profile="routing"),
            outcome=outcome,
            sentence="it was seen",
        )
        for n, outcome in enumerate(outcomes, start=1)
    ]
    info = RunInfo(id="1", started=datetime(2026, 1, 1, tzinfo=UTC), mode="ipvs")
    problems = [HarnessProblem(where="setting up", message="no space")] if broken else []
    return Run(info=info, results=cases, harness_errors=problems)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_what_is_an_alarm(outcome: Outcome) -> None:
    """A case that failed or did not decide is one; passed, skipped and not offered are none."""
    entry = kept(
        run_of(Outcome.PASSED, Outcome.SKIPPED, Outcome.NOT_OFFERED, outcome),
        tree="abc",
        what="all",
        seconds=60,
    )
    assert entry.alarms == [f"X-4 {outcome}: it was seen"]
    assert entry.judged == 3


def test_a_broken_or_empty_run_is_an_alarm() -> None:
    """Trouble of the harness counts, and so does a run that judged nothing."""
    entry = kept(run_of(Outcome.PASSED, broken=True), tree="abc", what="all", seconds=1)
    assert entry.alarms == ["harness, setting up: no space"]
    assert kept(run_of(), tree="abc", what="all", seconds=1).alarms == ["no case was judged"]


def test_runs_add_up(tmp_path: Path) -> None:
    """The ledger is read as it was written; the page adds up what is alike, and has the alarms."""
    ledger = tmp_path / "deep" / "ledger.jsonl"
    assert read(ledger) == []
    for outcome in (Outcome.PASSED, Outcome.PASSED, Outcome.FAILED):
        append(ledger, kept(run_of(outcome), tree="abc", what="all", seconds=90))
    (row,) = rows(read(ledger))
    assert (row.runs, row.alarmed, row.cases, row.minutes) == (3, 1, 3, 1.5)
    text = page(read(ledger))
    assert "| ipvs |  | all | 3 | 1 | 86% | 3 | 1.5 |" in text
    assert re.search(r"\(abc, load [0-9.]+\): cause unknown\n  - X-1 failed: it was seen\n", text)
    found = [replace(entry, cause="a busy machine") for entry in read(ledger)]
    assert "): a busy machine\n  - X-1 failed" in page(found)


@pytest.mark.parametrize(("alarms", "runs", "bound"), [(0, 10, 0.259), (0, 50, 0.058), (3, 3, 1)])
def test_what_runs_leave_open(alarms: int, runs: int, bound: float) -> None:
    """No alarm in n runs leaves about 3/n open (the rule of three)."""
    assert at_most(alarms, runs) == pytest.approx(bound, abs=0.001)
