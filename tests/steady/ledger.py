"""What came of runs on unchanged builds: a line each, so that they add up over days."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from reports.journal import UNFINISHED
from tests import lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reports.model import Run

GOOD = frozenset({"passed", "skipped", "not-offered"})
"""Outcomes that say nothing against a build."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One run: its scope as `what`, cases by outcome, and each alarm in a sentence.

    `cause` is what the alarms turned out to be, written by whoever found out.
    """

    started: str
    tree: str
    mode: str
    build: str
    what: str
    seconds: float
    load: float
    outcomes: dict[str, int] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    cause: str = ""

    @property
    def where(self) -> str:
        """Which run it was, as pages name it."""
        made = f"{self.tree}, load {self.load:g}"
        return f"{self.mode}, {self.build}, {self.started} ({made})"

    @property
    def judged(self) -> int:
        """How many cases gave a verdict."""
        return sum(n for outcome, n in self.outcomes.items() if outcome != "skipped")


def kept(run: Run, *, tree: str, what: str, seconds: float) -> Kept:
    """Return what is kept of a run; `load` is the machine's load average at its end."""
    alarms = [
        f"{result.case.id} {result.outcome}: {result.sentence}"
        for result in run.results
        if str(result.outcome) not in GOOD and result.sentence != UNFINISHED
    ]
    alarms += [f"harness, {problem.where}: {problem.message}" for problem in run.harness_errors]
    if not run.results:
        alarms.append("no case was judged")
    return Kept(
        started=run.info.started.isoformat(timespec="seconds"),
        tree=tree,
        mode=run.info.mode,
        build=run.info.build.version,
        what=what,
        seconds=round(seconds, 1),
        load=round(os.getloadavg()[1], 1),
        outcomes=dict(Counter(str(result.outcome) for result in run.results)),
        alarms=alarms,
    )


def append(path: Path, entry: Kept) -> None:
    """Add a run to the ledger, in one write."""
    lines.append(path, asdict(entry))


def read(path: Path) -> list[Kept]:
    """Return all runs of a ledger, none where there is no file."""
    return [Kept(**record) for record in lines.read(path)]


def at_most(alarms: int, runs: int, confidence: float = 0.95) -> float:
    """Return the upper bound of the share of runs with an alarm (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    return float(beta.ppf(confidence, alarms + 1, runs - alarms)) if runs > alarms else 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one mode, build and scope together."""

    mode: str
    build: str
    what: str
    runs: int
    alarmed: int
    cases: int
    minutes: float


def rows(entries: Iterable[Kept]) -> list[Row]:
    """Add the runs up."""
    groups: dict[tuple[str, str, str], list[Kept]] = {}
    for entry in entries:
        groups.setdefault((entry.mode, entry.build, entry.what), []).append(entry)
    return [
        Row(
            *key,
            runs=len(group),
            alarmed=sum(bool(entry.alarms) for entry in group),
            cases=sum(entry.judged for entry in group),
            minutes=sorted(entry.seconds for entry in group)[len(group) // 2] / 60,
        )
        for key, group in sorted(groups.items())
    ]
