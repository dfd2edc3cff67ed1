"""What comparisons of a build with itself have measured: a line each, so that they add up."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from suites.load.versus import BY_ROUND
from tests import lines

if TYPE_CHECKING:
    from pathlib import Path

    from reports.model import Run
    from suites.load.versus import Pair


@dataclass(frozen=True, slots=True)
class Compared:
    """One run: for each figure its rounds as pairs, and what was said against the build."""

    started: str
    tree: str
    mode: str
    build: str
    load: float
    figures: dict[str, list[Pair]] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def compared(run: Run, *, tree: str) -> Compared:
    """Return what is kept of a run; `load` is the machine's load average at its end."""
    figures: dict[str, list[Pair]] = {}
    alarms: list[str] = []
    undecided: list[str] = []
    for result in run.results:
        for name, value in result.observations.items():
            if name.endswith(BY_ROUND):
                sides = [[y for _, y in points] for points in value["series"].values()]
                figures[name.removesuffix(BY_ROUND)] = list(zip(*sides, strict=True))
        if str(result.outcome) not in {"passed", "skipped"}:
            kind = undecided if str(result.outcome) == "inconclusive" else alarms
            kind.append(f"{result.case.id} {result.outcome}: {result.sentence}")
    return Compared(
        started=run.info.started.isoformat(timespec="seconds"),
        tree=tree,
        mode=run.info.mode,
        build=run.info.build.version,
        load=round(os.getloadavg()[1], 1),
        figures=figures,
        alarms=alarms,
        undecided=undecided,
    )


def append(path: Path, entry: Compared) -> None:
    """Add a run to the file, in one write."""
    lines.append(path, asdict(entry))


def read(path: Path) -> list[Compared]:
    """Return all runs of a file, none where there is no file."""
    found = []
    for record in lines.read(path):
        pairs = {name: [(a, b) for a, b in rounds] for name, rounds in record["figures"].items()}
        found.append(Compared(**record | {"figures": pairs}))
    return found
