"""Two verdicts on one behaviour agree, disagree, or are not compared, and are never made up."""

from __future__ import annotations

import pytest

from reports.model import CaseInfo, CaseResult, Outcome
from tests.upstream.compare import Agreement, rows, totals, verdict
from tests.upstream.junit import Found
from tests.upstream.mapping import Spec
from tests.upstream.page import Comparison, section, sum_up

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
SKIPPED, INCONCLUSIVE = Outcome.SKIPPED, Outcome.INCONCLUSIVE


def result(case: str, outcome: Outcome, seconds: float = 1.0) -> CaseResult:
    """Return a result of a case."""
    info = CaseInfo(id=case, name="x", summary="x", profile="conformance")
    return CaseResult(case=info, outcome=outcome, duration_s=seconds, sentence="it was seen")


@pytest.mark.parametrize(
    ("outcomes", "together"),
    [
        ({"A-1": [PASSED], "A-2": [PASSED]}, "passed"),
        ({"A-1": [PASSED], "A-2": [PASSED, FAILED]}, "failed"),
        ({"A-1": [INCONCLUSIVE], "A-2": [FAILED]}, "failed"),
        ({"A-1": [PASSED], "A-2": [INCONCLUSIVE]}, "inconclusive"),
        ({"A-1": [PASSED], "A-2": [SKIPPED]}, "skipped"),
        ({"A-1": [PASSED]}, "not run"),
        ({}, "not run"),
    ],
)
def test_cases_together(outcomes: dict[str, list[Outcome]], together: str) -> None:
    """One failure is enough; to pass, each has to have passed with some parameters."""
    results = [result(case, one) for case, each in outcomes.items() for one in each]
    results.append(result("A-3", FAILED))
    assert verdict(("A-1", "A-2"), results).outcome == together


@pytest.mark.parametrize(
    ("upstream", "ours", "agreement"),
    [
        ("passed", PASSED, Agreement.AGREE),
        ("failed", FAILED, Agreement.AGREE),
        ("passed", FAILED, Agreement.DISAGREE),
        ("failed", PASSED, Agreement.DISAGREE),
        ("skipped", PASSED, Agreement.OPEN),
        ("passed", SKIPPED, Agreement.OPEN),
        ("failed", INCONCLUSIVE, Agreement.OPEN),
    ],
)
def test_agreement(upstream: str, ours: Outcome, agreement: Agreement) -> None:
    """What one of both has not decided is no agreement, and is told from what was never meant."""
    spec = Spec("should work", ("A-1",))
    (row,) = rows([spec], {"should work": Found(upstream, 3.0)}, [result("A-1", ours)])
    assert row.agreement is agreement
    assert row.missing == (agreement is Agreement.OPEN)


def test_what_is_not_compared() -> None:
    """Specs without cases, specs that did not run, and specs that the table does not know."""
    specs = [Spec("a", why="API"), Spec("b", skip="disruptive"), Spec("c", ("A-1",))]
    upstream = {"a": Found("passed", 1.0), "new": Found("failed", 2.0)}
    found = rows(specs, upstream, [result("A-1", PASSED)])
    assert [row.spec.text for row in found] == ["a", "b", "c", "new"]
    assert all(row.agreement is Agreement.OPEN for row in found)
    assert [row.missing for row in found] == [False, False, True, False]
    assert found[1].note == "disruptive"


def comparison(ours: Outcome) -> Comparison:
    """Return two specs that share a case, and one that nothing is compared with."""
    specs = [Spec("a", ("A-1",)), Spec("b", ("A-1", "A-2")), Spec("c", why="API only")]
    upstream = {text: Found("passed", 10.0) for text in "abc"}
    results = [result("A-1", PASSED, 2.0), result("A-2", ours, 1.0)]
    found = rows(specs, upstream, results)
    return Comparison("iptables", "v1.34.4", "v1.34.4", 2, tuple(found), totals(found, results), 2)


def test_totals() -> None:
    """Seconds are those of what was compared; a shared case counts once."""
    added = comparison(PASSED).totals
    assert (added.ran, added.compared, added.agreed) == (3, 2, 2)
    assert (added.upstream, added.ours) == (20.0, 3.0)


def test_the_page_says_it() -> None:
    """The sentence has the figures, and a failure its own."""
    good, bad = comparison(PASSED), comparison(FAILED)
    assert sum_up(good).startswith("2 upstream specs in 20 s, the same behaviours by proxyproof in")
    assert sum_up(good).endswith("all agree")
    assert sum_up(bad).endswith("1 disagree")
    assert "| b | A-1, A-2 | passed, 10.0 s | failed, 3.0 s | disagree |" in section(bad)
    assert "- b: A-2: it was seen" in section(bad)
    assert "| c | passed, 10.0 s | API only |" in section(good)
