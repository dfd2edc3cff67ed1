"""What comparisons of a build with itself have measured: a line each, so that they add up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from suites.load.versus import BY_PAIR
from tests import lines
from tests.steady.ledger import Kept

if TYPE_CHECKING:
    from pathlib import Path

    from reports.model import Run
    from suites.load.versus import Pair


@dataclass(frozen=True, slots=True)
class Compared:
    """One run, whose alarms are what was said against the build, and its pairs by figure."""

    run: Kept
    figures: dict[str, list[Pair]]


def measured(run: Run) -> dict[str, list[Pair]]:
    """Return the pairs of each figure that a run has compared."""
    figures: dict[str, list[Pair]] = {}
    for result in run.results:
        for name, value in result.observations.items():
            if name.endswith(BY_PAIR):
                sides = [[y for _, y in points] for points in value["series"].values()]
                figures[name.removesuffix(BY_PAIR)] = list(zip(*sides, strict=True))
    return figures


def append(path: Path, entry: Compared) -> None:
    """Add a run to the file, in one write."""
    lines.append(path, asdict(entry))


def read(path: Path) -> list[Compared]:
    """Return all runs of a file, none where there is no file."""
    found = []
    for record in lines.read(path):
        pairs = {name: [(a, b) for a, b in each] for name, each in record["figures"].items()}
        found.append(Compared(Kept(**record["run"]), pairs))
    return found
