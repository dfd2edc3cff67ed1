"""Several runs on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reports.merge import exit_status, legs, matrix, merged_page
from reports.model import HarnessProblem, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.model import CaseInfo, CaseResult, Run, RunInfo


@pytest.fixture
def leg(make_run: Callable[..., Run], make_info: Callable[..., RunInfo]) -> Callable[..., Run]:
    """Return the maker of a run in a mode, of a version, with an id."""

    def make(*results: CaseResult, version: str = "v1.34.4", **known: str) -> Run:
        run = make_run(*results, info=make_info(**known))
        run.info.build.version = version
        return run

    return make


def test_legs_are_named_by_what_differs(leg: Callable[..., Run]) -> None:
    """A leg's name has what tells it from the others, and no more."""
    modes = [leg(mode="ipvs"), leg(mode="nftables")]
    both = [leg(mode="ipvs"), leg(mode="ipvs", version="v1.35.0"), leg(mode="iptables")]
    twice = [leg(id="first"), leg(id="second")]

    assert [one.name for one in legs(modes)] == ["ipvs", "nftables"]
    assert [one.name for one in legs(both)] == [
        "v1.34.4 / ipvs",
        "v1.35.0 / ipvs",
        "v1.34.4 / iptables",
    ]
    assert [one.name for one in legs(twice)] == ["ipvs / first", "ipvs / second"]


def test_matrix(
    leg: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
) -> None:
    """Each case has a cell per run; a case that ran with several parameters shows its worst."""
    one, two = make_case("SVC-001"), make_case("SVC-002")
    rows = matrix(
        [
            leg(make_result(case=two), make_result(case=one)),
            leg(make_result(case=one), make_result(Outcome.FAILED, one, params={"family": "ipv6"})),
        ]
    )

    assert [row.case.id for row in rows] == ["SVC-001", "SVC-002"]
    assert [[cell.text for cell in row.cells] for row in rows] == [
        ["passed", "failed 1/2"],
        ["passed", "\u2013"],
    ]
    assert [row.differs for row in rows] == [True, False]
    assert rows[0].cells[1].title.startswith("SVC-001[ipv6]: ")


def test_page(run: Run, leg: Callable[..., Run], make_result: Callable[..., CaseResult]) -> None:
    """The page has the runs, what failed in which of them, and the matrix."""
    text = merged_page([run, leg(make_result(), mode="nftables")])

    assert "1 of 2 runs without fault" in text
    assert "288 of 300 attempts were refused" in text
    assert text.count("<td>nftables</td>") == 1
    assert "<script" not in text


@pytest.mark.parametrize(
    ("wrongs", "status"),
    [
        ((), 0),
        ((Outcome.INCONCLUSIVE,), 2),
        ((Outcome.INCONCLUSIVE, "harness"), 3),
        (("harness", Outcome.FAILED), 1),
    ],
)
def test_exit_status(
    make_run: Callable[..., Run],
    make_result: Callable[..., CaseResult],
    wrongs: tuple[str, ...],
    status: int,
) -> None:
    """A build that failed anywhere counts before a harness that did, and that before doubt."""
    runs = [make_run(make_result())]
    for wrong in wrongs:
        problem = HarnessProblem(where="a", message="b")
        runs.append(
            make_run(harness_errors=[problem])
            if wrong == "harness"
            else make_run(make_result(Outcome(wrong)))
        )

    assert status == exit_status(runs)
