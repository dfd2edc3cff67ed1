"""Which cases run: of this mode, asked for by name, possible on this cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

CASES = '''
@case("ONE-1", feature="x")
def test_first(probe):
    """Attempts are answered."""
    assert probe().ok


@case("IPVS-1", feature="x", level="extended", modes=("ipvs",))
def test_of_ipvs(probe):
    """Attempts are answered in IPVS mode."""
    assert probe().ok


@case("ALL-1", feature="x", modes=("all",))
def test_side_by_side(probe):
    """Attempts are answered in all modes."""
    assert probe().ok


@case("BIG-1", feature="x", min_nodes=3)
def test_big(probe):
    """Attempts are answered on three nodes."""
    assert probe().ok


@case("FLY-1", feature="x", requires=("wings",))
def test_flies(probe):
    """Attempts are answered in the air."""
    assert probe().ok


def test_that_is_no_case():
    pass
'''


def test_mode_narrows(judge: Judge) -> None:
    """Cases of other modes are left out, which is said; what is impossible is skipped, and why."""
    judged = judge(CASES, "--kp-nodes", "2")
    assert judged.outcomes == {"ONE-1": "passed", "BIG-1": "skipped", "FLY-1": "skipped"}
    assert judged.status == 0, judged.out + judged.err
    assert "2 deselected" in judged.out
    reasons = {result.case.id: result.sentence for result in judged.run.results}
    assert "needs 3 nodes, there are 2" in reasons["BIG-1"]
    assert "wings" in reasons["FLY-1"]
    assert judged.junit["skipped"] == 2


def test_all_modes_show_what_they_leave_out(judge: Judge) -> None:
    """A run of all modes judges what compares them; the rest is skipped, and said how to judge."""
    judged = judge(CASES, "--kp-mode", "all", "--kp-cases", "ONE-1,IPVS-1,ALL-1")
    assert judged.outcomes == {"ONE-1": "skipped", "IPVS-1": "skipped", "ALL-1": "passed"}
    assert judged.status == 0, judged.out + judged.err
    reasons = {result.case.id: result.sentence for result in judged.run.results}
    assert "run it in mode iptables or ipvs or nftables" in reasons["ONE-1"]
    assert "run it in mode ipvs" in reasons["IPVS-1"]
    assert [node.mode for node in judged.run.info.nodes] == ["iptables", "ipvs", "nftables"]


def test_keyword_narrows(judge: Judge) -> None:
    """-k runs what it matches and nothing else."""
    judged = judge(CASES, "--kp-mode", "ipvs", "-k", "of_ipvs")
    assert judged.status == 0
    assert judged.outcomes == {"IPVS-1": "passed"}


def test_path_narrows(judge: Judge) -> None:
    """A path with a name runs that case alone."""
    assert judge(CASES, "test_cases.py::test_first").outcomes == {"ONE-1": "passed"}


def test_case_ids_narrow(judge: Judge) -> None:
    """--kp-cases takes ids and patterns, and tests that are no cases do not need a cluster."""
    judged = judge(CASES, "--kp-cases", "ONE-*,NONE-1")
    assert judged.status == 0
    assert judged.outcomes == {"ONE-1": "passed"}


@pytest.mark.parametrize(("level", "left"), [("core", "ONE-1"), ("extended", "IPVS-1")])
def test_level_narrows(judge: Judge, level: str, left: str) -> None:
    """--kp-level runs the cases of one level."""
    asked = ("--kp-mode", "ipvs", "--kp-cases", "ONE-1,IPVS-1", "--kp-level", level)
    assert judge(CASES, *asked).outcomes == {left: "passed"}


def test_nothing_selected(judge: Judge) -> None:
    """A selection that matches nothing is a mistake of the user's: status 4, nothing made."""
    judged = judge(CASES, "-k", "no_such_case")
    assert judged.status == 4
    assert not (judged.artifacts.parent / "made").exists()


def test_collect_only(judge: Judge) -> None:
    """--collect-only lists the cases and makes no cluster and no reports."""
    judged = judge(CASES, "--collect-only", "-q")
    assert judged.status == 0
    assert "test_cases.py::test_first" in judged.out
    assert "test_of_ipvs" not in judged.out
    assert not (judged.artifacts.parent / "made").exists()
    assert not judged.artifacts.exists()


def test_only_tests_that_are_no_cases(judge: Judge) -> None:
    """Ordinary tests run as with plain pytest, without a cluster."""
    judged = judge(CASES, "-k", "no_case")
    assert judged.status == 0
    assert "1 passed" in judged.out
    assert not (judged.artifacts.parent / "made").exists()


def test_module_that_cannot_be_imported(judge: Judge) -> None:
    """Cases that could not be read are told with pytest's traceback, and nothing is judged."""
    judged = judge(CASES + "import no_such_library")
    assert judged.status == 3
    assert "No module named 'no_such_library'" in judged.out
    assert not (judged.artifacts.parent / "made").exists()


def test_one_of_two_modules_cannot_be_imported(judge: Judge, pytester: pytest.Pytester) -> None:
    """The same with other cases beside it: a part of the cases is not what was asked for."""
    pytester.path.joinpath("test_more.py").write_text("import no_such_library")
    judged = judge(CASES)
    assert judged.status == 3
    assert "No module named 'no_such_library'" in judged.out
    assert not (judged.artifacts.parent / "made").exists()


def test_selection_is_told(judge: Judge) -> None:
    """A run of some cases says so and qualifies no build; all cases and all of the core do."""
    judged = judge(CASES, "--kp-cases", "ONE-1", "-k", "first")
    assert judged.run.info.narrowed == "-k first --kp-cases ONE-1"
    assert not judged.qualification["verdict"]["qualified"]
    for whole in ((), ("--kp-level", "core")):
        assert judge(CASES, *whole).run.info.narrowed == ""
    assert "test_cases.py" in judge(CASES, "test_cases.py").run.info.narrowed
