"""A known bug counts as shown when its case fails with it and passes without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reports.model import Outcome
from tests.bench import BenchError
from tests.known_bugs.__main__ import asked_for, main
from tests.known_bugs.review import Review, build_of
from tests.known_bugs.sightings import SIGHTINGS, Sighting
from tests.mutation.catalog import all_defects
from tests.unit.mutation.test_outcome import run_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from reports.model import Run

BUG = Sighting("B1", 1, "iptables", "CT-001", "v1.30.0", "v1.31.0")
PASSED, FAILED, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED


class Judged:
    """Stands for the cluster: every build's outcome is given."""

    def __init__(self, **outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes = outcomes
        self.asked: list[str] = []

    def run(self, build: str, cases: Collection[str], _name: str) -> Run:
        """Return a run that ended as given."""
        self.asked.append(build)
        ended = self.outcomes.get(build.replace(".", "_"))
        if ended is None:
            raise BenchError(f"no judgement of {build}")
        return run_of(*((case, outcome) for case in cases for outcome in ended))


def review(bench: Judged, *sightings: Sighting) -> tuple[list[bool], list[str]]:
    """Return which sightings are as written, and what was said."""
    said: list[str] = []
    done = Review(bench, said.append).run(sightings)  # type: ignore[arg-type]
    return [reviewed.good for reviewed in done], said


def test_fails_with_the_bug_and_passes_with_the_fix() -> None:
    """One parameter of a case is enough to see a bug; the fixed build has to pass all of them."""
    good, said = review(Judged(v1_30_0=(PASSED, FAILED), v1_31_0=(PASSED, PASSED)), BUG)
    assert good == [True]
    assert said == ["SEEN  B1 (iptables, v1.30.0) by CT-001, clean on v1.31.0: CT-001 failed"]


@pytest.mark.parametrize(
    ("before", "after", "trouble"),
    [
        ((PASSED,), (PASSED,), "CT-001 on v1.30.0: passed"),
        ((SKIPPED,), (PASSED,), "CT-001 on v1.30.0: skipped"),
        ((), (PASSED,), "CT-001 on v1.30.0: was not run"),
        ((FAILED,), (FAILED,), "CT-001 on v1.31.0: failed CT-001 failed"),
        ((FAILED,), (PASSED, FAILED), "CT-001 on v1.31.0: failed, passed CT-001 failed"),
    ],
)
def test_anything_else_is_told(
    before: tuple[Outcome, ...], after: tuple[Outcome, ...], trouble: str
) -> None:
    good, said = review(Judged(v1_30_0=before, v1_31_0=after), BUG)
    assert good == [False]
    assert said == [f"NOT AS WRITTEN  B1 (iptables, v1.30.0): {trouble}"]


def test_fixed_build_is_judged_once() -> None:
    other = Sighting("B1", 1, "iptables", "CT-001", "v1.29.0", "v1.31.0")
    bench = Judged(v1_29_0=(FAILED,), v1_30_0=(FAILED,), v1_31_0=(PASSED,))
    assert review(bench, BUG, other)[0] == [True, True]
    assert bench.asked == ["v1.30.0", "v1.31.0", "v1.29.0"]


def test_without_a_fix_only_the_bug_is_shown() -> None:
    unfixed = Sighting("B1", 1, "iptables", "CT-001", "v1.30.0", fixed="")
    good, said = review(Judged(v1_30_0=(FAILED,)), unfixed)
    assert good == [True]
    assert "no release has the fix" in said[0]


def test_defects_put_back_are_in_the_catalogue() -> None:
    """A name that the catalogue has not would only show in the nightly run."""
    names = {(defect.name, mode) for defect in all_defects() for mode in defect.modes}
    wanted = {(s.defect, s.mode) for s in SIGHTINGS if s.defect}
    assert wanted <= names
    assert all(build_of(s) == s.build for s in SIGHTINGS if not s.defect)


def test_bugs_are_asked_for_by_name_and_mode(capsys: pytest.CaptureFixture[str]) -> None:
    assert {s.bug for s in asked_for(["b20", "B23"], ())} == {"B20", "B23"}
    assert {s.mode for s in asked_for([], ["ipvs"])} == {"ipvs"}
    assert main(["B99"]) == 4
    assert "no sighting of B99" in capsys.readouterr().out
    assert main(["B20", "--list"]) == 0
    assert "--kp-build v1.33.0 --kp-cases ETP-003" in capsys.readouterr().out


def test_build_that_cannot_be_judged_is_no_end() -> None:
    good, said = review(Judged(v1_31_0=(PASSED,)), BUG, BUG)
    assert good == [False, False]
    assert said[0] == "NOT AS WRITTEN  B1 (iptables, v1.30.0): no judgement of v1.30.0"
