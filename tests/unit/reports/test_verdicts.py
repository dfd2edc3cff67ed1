"""From runs to verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reports.model import BuildVerdict, CaseInfo, CaseResult, HarnessProblem, Level, Outcome, Run
from reports.verdicts import exit_status, judge, sections, worst

if TYPE_CHECKING:
    from collections.abc import Callable

OUTCOMES = {
    "p": Outcome.PASSED,
    "f": Outcome.FAILED,
    "n": Outcome.NOT_OFFERED,
    "s": Outcome.SKIPPED,
    "i": Outcome.INCONCLUSIVE,
}
BROKEN = [HarnessProblem(where="node-2", message="agent does not answer")]


def results_of(text: str) -> list[CaseResult]:
    """Build results from letters; a capital F is a failure without any evidence."""
    case = CaseInfo(id="SVC-001", name="a", summary="b", profile="routing")
    return [
        CaseResult(
            case=case,
            outcome=OUTCOMES[letter.lower()],
            attempts=0 if letter.isupper() else 300,
            sentence="why",
        )
        for letter in text
    ]


@pytest.mark.parametrize(
    ("outcomes", "build", "broken", "interrupted", "status", "word"),
    [
        ("ppp", "judged", False, False, 0, "PASSED"),
        ("ppns", "judged", False, False, 0, "PASSED"),
        ("p", None, False, False, 0, "PASSED"),
        ("ppf", "judged", False, False, 1, "FAILED"),
        ("ppF", "judged", False, False, 1, "FAILED"),
        ("fi", "judged", False, False, 1, "FAILED"),
        ("", "does-not-start", False, False, 1, "DOES NOT START"),
        ("", "crashes", False, False, 1, "CRASHES"),
        ("", "never-syncs", True, True, 1, "NEVER SYNCS"),
        ("ppp", "crashes", False, False, 1, "CRASHES"),
        ("ppf", "judged", True, False, 1, "FAILED"),
        ("ppf", "judged", False, True, 1, "FAILED"),
        ("ppF", "judged", True, False, 3, "HARNESS FAILED"),
        ("ppp", "judged", True, False, 3, "HARNESS FAILED"),
        ("ppp", "judged", True, True, 3, "HARNESS FAILED"),
        ("", None, True, False, 3, "HARNESS FAILED"),
        ("ppp", "judged", False, True, 2, "INTERRUPTED"),
        ("", None, False, True, 2, "INTERRUPTED"),
        ("ppi", "judged", False, False, 2, "INCONCLUSIVE"),
        ("", "mode-not-offered", False, False, 2, "MODE NOT OFFERED"),
        ("nn", "mode-not-offered", False, False, 2, "MODE NOT OFFERED"),
        ("", "judged", False, False, 2, "NOTHING JUDGED"),
        ("nss", "judged", False, False, 2, "NOTHING JUDGED"),
    ],
)
def test_exit_status(
    make_run: Callable[..., Run],
    *,
    outcomes: str,
    build: str | None,
    broken: bool,
    interrupted: bool,
    status: int,
    word: str,
) -> None:
    """Every row of the table in the module's docstring holds, and the headline agrees."""
    run = make_run(
        *results_of(outcomes),
        build_verdict=BuildVerdict.model_validate({"kind": build}) if build else None,
        harness_errors=BROKEN if broken else [],
        interrupted=interrupted,
    )

    assert (status, word) == (exit_status(run), judge(run).word)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ("p", "1 case passed, none failed"),
        ("pppns", "3 cases passed, none failed, 1 not offered, 1 skipped"),
        ("ppfnsi", "1 of 3 cases failed"),
        ("pi", "1 case is not decided by the evidence"),
        ("nns", "no case was decided: 2 not offered, 1 skipped"),
        ("", "no case ran"),
    ],
)
def test_sentence(make_run: Callable[..., Run], outcomes: str, sentence: str) -> None:
    """The headline's sentence counts what matters for it."""
    assert sentence == judge(make_run(*results_of(outcomes))).sentence


def test_failure_tells_of_harness_trouble(make_run: Callable[..., Run]) -> None:
    """A run that failed by itself does not hide that the harness had trouble too."""
    run = make_run(*results_of("f"), harness_errors=BROKEN, interrupted=True)

    assert "interrupted" in judge(run).sentence
    assert "the harness had 1 problem" in judge(run).sentence


def test_evidence_file_is_evidence(make_run: Callable[..., Run]) -> None:
    """A failure that judged no packet but has an evidence file stands beside harness errors."""
    (failed,) = results_of("F")
    failed.evidence = "logs/node-1/kube-proxy.log"

    assert exit_status(make_run(failed, harness_errors=BROKEN)) == 1


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [("pp", "success"), ("pn", "success"), ("pf", "failure"), ("fsi", "failure")]
    + [(outcomes, "partial") for outcomes in ("ps", "pi", "nn", "s", "i")],
)
def test_section_result(make_run: Callable[..., Run], outcomes: str, result: str) -> None:
    """A section with a skip, an inconclusive case or nothing decided is partial at best."""
    (section,) = sections(make_run(*results_of(outcomes)))

    assert result == section.result


def test_sections_in_order(
    make_run: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
) -> None:
    """Profiles stand in the documented order, unknown ones last, core before extended."""
    wanted = [
        ("routing", Level.CORE),
        ("routing", Level.EXTENDED),
        ("scale", Level.CORE),
        ("custom", Level.CORE),
    ]
    shuffled = [wanted[index] for index in (3, 1, 2, 0)]
    run = make_run(
        *(make_result(case=make_case(profile=name, level=level)) for name, level in shuffled)
    )

    assert wanted == [(section.profile, section.level) for section in sections(run)]


@pytest.mark.parametrize(
    ("outcomes", "summed"), [("pfi", "f"), ("psi", "i"), ("ps", "p"), ("sn", "s"), ("n", "n")]
)
def test_worst(outcomes: str, summed: str) -> None:
    """Several results of a case are summed up by the one that matters most."""
    assert OUTCOMES[summed] is worst(results_of(outcomes))


def test_worst_of_nothing() -> None:
    """A case that did not run has no outcome."""
    assert worst([]) is None
