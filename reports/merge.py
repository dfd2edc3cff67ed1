"""Several runs on one page: the legs of a matrix side by side, case by case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import facts
from reports.files import write_whole
from reports.html import environment
from reports.model import Outcome
from reports.text import plural, printable
from reports.verdicts import Judgement, judge, profile_rank, tally, worst

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence
    from pathlib import Path

    from reports.model import CaseInfo, CaseResult, Run

_AXES = ("version", "mode", "family", "provider", "kernel", "run")


@dataclass(frozen=True, slots=True)
class Leg:
    """One run of the matrix: its name, by what tells it from the others, and its headline."""

    name: str
    run: Run
    judgement: Judgement
    counts: Counter[Outcome]


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a case in a leg, over all its parameters; no outcome where it did not run."""

    outcome: Outcome | None
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """A case with one cell for each leg; `differs` when decided legs disagree."""

    case: CaseInfo
    cells: list[Cell]
    differs: bool


def legs(runs: Sequence[Run]) -> list[Leg]:
    """Name the runs by as few of version, mode, family, provider, kernel and id as tell apart."""
    axes = [_axes(run) for run in runs]
    needed = [axis for axis in _AXES[:3] if len({one[axis] for one in axes}) > 1] or ["mode"]
    for axis in (*_AXES[3:],):
        if len({_name(one, needed) for one in axes}) == len(runs):
            break
        if len({one[axis] for one in axes}) > 1:
            needed.append(axis)
    return [
        Leg(_name(one, needed), run, judge(run), tally(run.results))
        for one, run in zip(axes, runs, strict=True)
    ]


def _axes(run: Run) -> dict[str, str]:
    info = run.info
    return {
        "version": info.build.version or info.build.source,
        "mode": info.mode,
        "family": info.family,
        "provider": info.provider,
        "kernel": ", ".join(dict.fromkeys(node.kernel for node in info.nodes)),
        "run": info.id,
    }


def _name(axes: dict[str, str], needed: Sequence[str]) -> str:
    return printable(" / ".join(axes[axis] or "unknown" for axis in needed))


def matrix(runs: Sequence[Run]) -> list[MatrixRow]:
    """Line up the cases of all runs, by profile, level and id."""
    cases: dict[str, CaseInfo] = {}
    found: list[dict[str, list[CaseResult]]] = []
    for run in runs:
        by_case: dict[str, list[CaseResult]] = {}
        for result in run.results:
            cases.setdefault(result.case.id, result.case)
            by_case.setdefault(result.case.id, []).append(result)
        found.append(by_case)
    ordered = sorted(
        cases.values(), key=lambda case: (*profile_rank(case.profile), case.level, case.id)
    )
    return [_row(case, [by_case.get(case.id, []) for by_case in found]) for case in ordered]


def _row(case: CaseInfo, results: list[list[CaseResult]]) -> MatrixRow:
    cells = [_cell(one) for one in results]
    decided = {cell.outcome for cell in cells} & {Outcome.PASSED, Outcome.FAILED}
    return MatrixRow(case, cells, differs=len(decided) > 1)


def _cell(results: list[CaseResult]) -> Cell:
    outcome = worst(results)
    if outcome is None:
        return Cell(None, "\u2013", "did not run in this leg")
    of_it = [result for result in results if result.outcome is outcome]
    share = f" {len(of_it)}/{len(results)}" if len(results) > len(of_it) else ""
    title = "\n".join(printable(f"{one.key}: {one.sentence}") for one in of_it[:5])
    return Cell(outcome, f"{outcome.replace('-', ' ')}{share}", title)


def exit_status(runs: Sequence[Run]) -> int:
    """Return the gravest exit status of several runs: 1 before 3 before 2 before 0."""
    statuses = {judge(run).status for run in runs}
    return next((status for status in (1, 3, 2) if status in statuses), 0)


def write_merged(runs: Sequence[Run], path: Path) -> None:
    """Write one page over several runs; raises OSError where the file cannot be written."""
    write_whole(path, merged_page(runs).encode())


def merged_page(runs: Sequence[Run]) -> str:
    """Render one page over several runs."""
    sides = legs(runs)
    good = sum(leg.judgement.status == 0 for leg in sides)
    status = exit_status(runs)
    return (
        environment()
        .get_template("merged.html.j2")
        .render(
            legs=sides,
            rows=matrix(runs),
            outcomes=list(Outcome),
            word={0: "PASSED", 1: "FAILED", 3: "HARNESS FAILED"}.get(status, "INCONCLUSIVE"),
            tone=Judgement("", "", status).tone,
            sentence=f"{good} of {plural(len(sides), 'run')} without fault",
            versions=", ".join(dict.fromkeys(facts.judged(leg.run) for leg in sides)),
            failures=[(leg, result) for leg in sides for result in _failures(leg.run)],
        )
    )


def _failures(run: Run) -> list[CaseResult]:
    wanted = (Outcome.FAILED, Outcome.INCONCLUSIVE)
    found = [result for result in run.results if result.outcome in wanted]
    return sorted(found, key=lambda result: wanted.index(result.outcome))
