"""What comparisons of a build with itself have measured: a line each, so that they add up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from suites.load.versus import BY_PAIR, LINES
from tests import lines
from tests.steady.ledger import Kept

if TYPE_CHECKING:
    from pathlib import Path

    from reports.model import Run
    from suites.oracles.ratio import Pair


@dataclass(frozen=True, slots=True)
class Rounds:
    """One figure's pairs, and those of its noise floor where there is one."""

    pairs: list[Pair]
    controls: list[Pair] | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One run, whose alarms are what was said against the build, and its figures."""

    run: Kept
    figures: dict[str, Rounds]


def measured(run: Run) -> dict[str, Rounds]:
    """Return the pairs of each figure that a run has compared."""
    figures: dict[str, Rounds] = {}
    for result in run.results:
        for name, value in result.observations.items():
            if name.endswith(BY_PAIR):
                sides = [
                    [y for _, y in value["series"][line]]
                    for line in LINES
                    if line in value["series"]
                ]
                controls = list(zip(*sides[2:], strict=True)) or None
                pairs = list(zip(*sides[:2], strict=True))
                figures[name.removesuffix(BY_PAIR)] = Rounds(pairs, controls)
    return figures


def append(path: Path, entry: Compared) -> None:
    """Add a run to the file, in one write."""
    lines.append(path, asdict(entry))


def read(path: Path) -> list[Compared]:
    """Return all runs of a file, none where there is no file."""
    found = []
    for record in lines.read(path):
        figures = {
            name: Rounds(*(each and [(a, b) for a, b in each] for each in kept.values()))
            for name, kept in record["figures"].items()
        }
        found.append(Compared(Kept(**record["run"]), figures))
    return found
