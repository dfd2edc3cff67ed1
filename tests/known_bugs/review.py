"""Judge the builds of sightings, and say whether each is what the table says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.errors import ProxyproofError
from clusters.parts.overlay import build_changed
from clusters.parts.progress import Recorder
from reports.model import Outcome
from tests.bench import Bench, BenchError
from tests.mutation.catalog import all_defects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reports.model import Run
    from tests.known_bugs.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What came of a sighting: `seen` on its build, `clean` on the one with the fix (or no such).

    `said` is the case's sentence on the build with the bug, `trouble` what went otherwise.
    """

    sighting: Sighting
    seen: bool
    clean: bool
    said: str = ""
    trouble: str = ""

    @property
    def good(self) -> bool:
        """Whether the table is right."""
        return self.seen and self.clean


def build_of(sighting: Sighting) -> str:
    """Return what `--kp-build` takes; raises ProxyproofError when it cannot be built."""
    if not sighting.defect:
        return sighting.build
    found = [
        defect
        for defect in all_defects()
        if defect.name == sighting.defect and sighting.mode in defect.modes
    ]
    if len(found) != 1:
        raise ProxyproofError(f"{sighting}: {len(found)} defects of that name in this mode")
    return str(build_changed(sighting.build, found[0].edits, Recorder()))


def outcomes(run: Run, case: str) -> tuple[set[Outcome], str]:
    """Return how a case ended, by all its parameters, and the sentence of its first failure."""
    mine = [result for result in run.results if result.case.id == case]
    failed = [result.sentence for result in mine if result.outcome is Outcome.FAILED]
    return {result.outcome for result in mine}, failed[0] if failed else ""


class Review:
    """Goes through the sightings of one mode on one kept cluster."""

    def __init__(self, bench: Bench, say: Callable[[str], None]) -> None:
        self.bench = bench
        self.say = say
        self._clean: dict[tuple[str, str], bool] = {}

    def run(self, sightings: Sequence[Sighting]) -> list[Reviewed]:
        """Judge all of them; a build that could not be judged is trouble, not the end."""
        done = []
        for sighting in sightings:
            try:
                reviewed = self._one(sighting)
            except (BenchError, ProxyproofError) as error:
                reviewed = Reviewed(sighting, seen=False, clean=False, trouble=str(error))
            done.append(reviewed)
            self.say(line(reviewed))
        return done

    def _one(self, sighting: Sighting) -> Reviewed:
        case = sighting.case
        ended, said = self._judge(build_of(sighting), case)
        seen = Outcome.FAILED in ended
        trouble = "" if seen else f"{case} on {sighting.build}: {names(ended)}"
        if not sighting.fixed:
            return Reviewed(sighting, seen, clean=True, said=said, trouble=trouble)
        key = sighting.fixed, case
        if key not in self._clean:
            after, why = self._judge(sighting.fixed, case)
            self._clean[key] = after == {Outcome.PASSED}
            if not self._clean[key]:
                trouble += f" {case} on {sighting.fixed}: {names(after)} {why}"
        return Reviewed(sighting, seen, self._clean[key], said, trouble.strip())

    def _judge(self, build: str, case: str) -> tuple[set[Outcome], str]:
        name = f"{case}-{build.rpartition('/')[2]}"
        return outcomes(self.bench.run(build, [case], name), case)


def names(ended: set[Outcome]) -> str:
    """Return outcomes as words."""
    return ", ".join(sorted(str(outcome) for outcome in ended)) or "was not run"


def line(reviewed: Reviewed) -> str:
    """Say what came of a sighting."""
    sighting = reviewed.sighting
    if not reviewed.good:
        return f"NOT AS WRITTEN  {sighting}: {reviewed.trouble}"
    after = f", clean on {sighting.fixed}" if sighting.fixed else ", no release has the fix"
    return f"SEEN  {sighting} by {sighting.case}{after}: {reviewed.said[:160]}"
