"""From a run to its verdict, as pure functions.

Exit statuses, the first that applies:

- 1: a case failed on evidence of its own (packets judged, or an evidence file), or the build does
  not start, crashes or never syncs. Trouble of the harness elsewhere does not excuse it, nor does
  an interrupt after it.
- 3: the harness or the testbed failed. A failed case without evidence is not held against a build
  in such a run, since the harness may have made it fail.
- 1: a case failed, in a run without harness trouble.
- 2: interrupted, a case inconclusive, the mode not offered, or nothing decided: an empty run never
  passes.
- 0: nothing wrong, and at least one case passed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.model import BuildKind, Level, Outcome
from reports.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reports.model import CaseResult, Run

PROFILES = ("readiness", "routing", "schedulers", "chaos", "migration", "load", "scale")
"""Order of profiles in every report; others follow by name."""

_BY_WEIGHT = (
    Outcome.FAILED,
    Outcome.INCONCLUSIVE,
    Outcome.PASSED,
    Outcome.SKIPPED,
    Outcome.NOT_OFFERED,
)
_FATAL = {
    BuildKind.DOES_NOT_START: "DOES NOT START",
    BuildKind.CRASHES: "CRASHES",
    BuildKind.NEVER_SYNCS: "NEVER SYNCS",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The headline of a run: one word or two in capitals, one sentence, the exit status."""

    word: str
    sentence: str
    status: int

    @property
    def tone(self) -> str:
        """How the headline should look: good, bad or unsure."""
        return {0: "good", 1: "bad"}.get(self.status, "unsure")


@dataclass(frozen=True, slots=True)
class Section:
    """The results of one profile at one level, in the order in which they ran."""

    profile: str
    level: Level
    results: list[CaseResult]

    @property
    def counts(self) -> Counter[Outcome]:
        """How many results there are of each outcome."""
        return tally(self.results)

    @property
    def result(self) -> str:
        """Sum up as Gateway API conformance reports do: success, partial or failure.

        A skipped or inconclusive case makes it partial, and so does a section that decided nothing;
        what a build does not offer is no fault.
        """
        counts = self.counts
        if counts[Outcome.FAILED]:
            return "failure"
        undecided = counts[Outcome.SKIPPED] + counts[Outcome.INCONCLUSIVE]
        return "success" if counts[Outcome.PASSED] and not undecided else "partial"


def tally(results: Iterable[CaseResult]) -> Counter[Outcome]:
    """Count results by outcome."""
    return Counter(result.outcome for result in results)


def of_outcome(run: Run, outcome: Outcome) -> list[CaseResult]:
    """Return the results of one outcome, in the order in which they ran."""
    return [result for result in run.results if result.outcome is outcome]


def worst(results: Iterable[CaseResult]) -> Outcome | None:
    """Return the outcome that sums up several results of one case, or None if there are none."""
    seen = {result.outcome for result in results}
    return next((outcome for outcome in _BY_WEIGHT if outcome in seen), None)


def sections(run: Run) -> list[Section]:
    """Split the results by profile and level: known profiles first, core before extended."""
    found: dict[tuple[str, Level], list[CaseResult]] = {}
    for result in run.results:
        found.setdefault((result.case.profile, result.case.level), []).append(result)
    return [
        Section(profile, level, found[profile, level])
        for profile, level in sorted(found, key=lambda key: (*profile_rank(key[0]), key[1]))
    ]


def profile_rank(profile: str) -> tuple[int, str]:
    """Sort key of a profile."""
    known = PROFILES.index(profile) if profile in PROFILES else len(PROFILES)
    return known, profile


def exit_status(run: Run) -> int:
    """Return the exit status of a run; the module's docstring has the table."""
    return judge(run).status


def judge(run: Run) -> Judgement:
    """Sum a run up in its headline."""
    return (
        _bad_build(run)
        or _failed(run, needs_evidence=bool(run.harness_errors))
        or _harness(run)
        or _unsure(run)
        or _passed(run)
    )


def _bad_build(run: Run) -> Judgement | None:
    verdict = run.build_verdict
    if verdict is None or verdict.kind not in _FATAL:
        return None
    word = _FATAL[verdict.kind]
    return Judgement(word, verdict.sentence or f"the build {word.lower()}", 1)


def _failed(run: Run, *, needs_evidence: bool) -> Judgement | None:
    failed = of_outcome(run, Outcome.FAILED)
    if not failed or (needs_evidence and not any(map(_stands, failed))):
        return None
    decided = len(failed) + len(of_outcome(run, Outcome.PASSED))
    notes = []
    if run.interrupted:
        notes.append("then the run was interrupted")
    if run.harness_errors:
        notes.append(f"the harness had {plural(len(run.harness_errors), 'problem')} of its own")
    return Judgement("FAILED", "; ".join([f"{len(failed)} of {_cases(decided)} failed", *notes]), 1)


def _stands(result: CaseResult) -> bool:
    return result.attempts > 0 or bool(result.evidence)


def _harness(run: Run) -> Judgement | None:
    if not run.harness_errors:
        return None
    first = run.harness_errors[0]
    more = len(run.harness_errors) - 1
    also = f" (and {more} more)" if more else ""
    message = first.message.strip().partition("\n")[0]
    return Judgement("HARNESS FAILED", f"{first.where}: {message}{also}", 3)


def _unsure(run: Run) -> Judgement | None:
    counts = tally(run.results)
    verdict = run.build_verdict
    if verdict is not None and verdict.kind is BuildKind.MODE_NOT_OFFERED:
        sentence = verdict.sentence or f"the build does not offer {run.info.mode} mode"
        return Judgement("MODE NOT OFFERED", sentence, 2)
    if run.interrupted:
        passed = counts[Outcome.PASSED]
        return Judgement("INTERRUPTED", f"{_cases(passed)} passed before the run ended", 2)
    if unsure := counts[Outcome.INCONCLUSIVE]:
        verb = "is" if unsure == 1 else "are"
        return Judgement("INCONCLUSIVE", f"{_cases(unsure)} {verb} not decided by the evidence", 2)
    if not counts[Outcome.PASSED]:
        return Judgement("NOTHING JUDGED", _nothing(counts), 2)
    return None


def _nothing(counts: Counter[Outcome]) -> str:
    others = [
        f"{counts[outcome]} {name}"
        for outcome, name in ((Outcome.NOT_OFFERED, "not offered"), (Outcome.SKIPPED, "skipped"))
        if counts[outcome]
    ]
    return f"no case was decided: {', '.join(others)}" if others else "no case ran"


def _passed(run: Run) -> Judgement:
    counts = tally(run.results)
    parts = [f"{_cases(counts[Outcome.PASSED])} passed, none failed"]
    if counts[Outcome.NOT_OFFERED]:
        parts.append(f"{counts[Outcome.NOT_OFFERED]} not offered")
    if counts[Outcome.SKIPPED]:
        parts.append(f"{counts[Outcome.SKIPPED]} skipped")
    return Judgement("PASSED", ", ".join(parts), 0)


def _cases(count: int) -> str:
    return plural(count, "case")
