"""How many defects were found, and whether that is enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.protocol import MODES
from tests.mutation.outcome import Fate, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENOUGH = 0.95
"""The share of defects that the suites have to find."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one mode's trials, or those of all modes, ended with."""

    mode: str
    total: int
    killed: int
    elsewhere: int
    survived: int
    no_build: int
    undecided: int

    @property
    def share(self) -> float:
        """The share of defects that a case which is about them killed; none tried is none found."""
        return self.killed / self.total if self.total else 0.0

    @property
    def enough(self) -> bool:
        """Whether that is as much as is asked for."""
        return self.share >= ENOUGH


def figures_of(results: Iterable[Result]) -> list[Figures]:
    """Count by mode, in the modes' usual order, and at last over all."""
    results = list(results)
    modes = [mode for mode in MODES if any(result.mode == mode for result in results)]
    counted = [_count(mode, [r for r in results if r.mode == mode]) for mode in modes]
    return [*counted, _count("all", results)]


def _count(mode: str, results: Sequence[Result]) -> Figures:
    fates = Counter(result.fate for result in results)
    return Figures(
        mode,
        len(results),
        fates[Fate.KILLED],
        fates[Fate.ELSEWHERE],
        fates[Fate.SURVIVED],
        fates[Fate.NO_BUILD],
        fates[Fate.UNDECIDED],
    )
