"""Qualification reports, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from reports.model import HarnessProblem, Outcome
from reports.qualification import (
    QualificationError,
    qualification,
    read_qualification,
    save_qualification,
    write_qualification,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reports.model import CaseInfo, CaseResult, Run


def test_round_trip(run: Run, tmp_path: Path) -> None:
    """A report read back equals the report of the run."""
    write_qualification(run, tmp_path / "q.yaml")

    assert qualification(run) == read_qualification(tmp_path / "q.yaml")


def test_document(run: Run, tmp_path: Path) -> None:
    """The document has the blocks and names that readers of Gateway API's reports know."""
    write_qualification(run, tmp_path / "q.yaml")
    document = yaml.safe_load((tmp_path / "q.yaml").read_text())
    routing, schedulers, chaos = document["profiles"]

    assert document["kind"] == "QualificationReport"
    assert document["apiVersion"] == "proxyproof/v1alpha1"
    assert document["implementation"] == {"project": "kube-proxy", "version": "v1.34.4"}
    assert document["target"]["digest"] == f"sha256:{run.info.build.sha256}"
    assert document["target"]["k8sVersion"] == "v1.34.4"
    assert document["verdict"]["exitStatus"] == 1
    assert routing["core"]["statistics"] == {
        "passed": 6,
        "failed": 1,
        "notOffered": 2,
        "skipped": 1,
        "inconclusive": 0,
    }
    assert routing["core"]["result"] == "failure"
    assert [line["case"] for line in routing["core"]["failed"]] == ["SVC-021[ipvs-ipv4]"]
    assert "extended" not in routing
    assert "core" not in schedulers
    assert chaos["core"]["result"] == "partial"


@pytest.mark.parametrize(
    ("outcomes", "qualified"),
    [
        ([Outcome.PASSED], True),
        ([Outcome.PASSED, Outcome.NOT_OFFERED], True),
        ([Outcome.PASSED, Outcome.SKIPPED], False),
        ([Outcome.PASSED, Outcome.INCONCLUSIVE], False),
        ([Outcome.PASSED, Outcome.FAILED], False),
        ([], False),
    ],
)
def test_qualified(
    make_run: Callable[..., Run],
    make_result: Callable[..., CaseResult],
    *,
    outcomes: list[Outcome],
    qualified: bool,
) -> None:
    """A build is qualified when nothing is wrong and no core case was left out."""
    report = qualification(make_run(*map(make_result, outcomes)))

    assert qualified is report.verdict.qualified


def test_selection_does_not_qualify(
    make_run: Callable[..., Run], make_result: Callable[..., CaseResult]
) -> None:
    """A verdict on some of the cases is none on all."""
    run = make_run(make_result())
    info = run.info.model_copy(update={"narrowed": "-k affinity"})

    assert not qualification(run.model_copy(update={"info": info})).verdict.qualified


def test_extended_skip_qualifies(
    make_run: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
) -> None:
    """A skipped extended case makes its level partial and leaves the build qualified."""
    extended = make_result(Outcome.SKIPPED, make_case(level="extended"))
    report = qualification(make_run(make_result(), extended))

    assert report.verdict.qualified
    assert report.profiles[0].extended is not None
    assert report.profiles[0].extended.result == "partial"


def test_harness_errors_are_told(make_run: Callable[..., Run]) -> None:
    """A report of a run with harness trouble says so and does not qualify."""
    report = qualification(make_run(harness_errors=[HarnessProblem(where="a", message="b")]))

    assert (report.harness_errors, report.verdict.outcome) == (["a: b"], "harness-failed")


def test_what_a_vendor_adds_survives(run: Run, tmp_path: Path) -> None:
    """The vendor's fields of the implementation are kept by reading and writing."""
    path = tmp_path / "q.yaml"
    report = qualification(run)
    report.implementation.organization = "Example \u00e9"
    report.implementation.contact = ["@someone"]
    save_qualification(report, path)

    assert report == read_qualification(path)


def test_control_characters_survive_yaml(
    make_run: Callable[..., Run], make_result: Callable[..., CaseResult], tmp_path: Path
) -> None:
    """A sentence with control characters gives YAML that any reader accepts."""
    run = make_run(make_result(Outcome.FAILED, sentence="a\x00\x1b[31mb\x1b[0m: '\x85"))
    write_qualification(run, tmp_path / "q.yaml")
    core = read_qualification(tmp_path / "q.yaml").profiles[0].core

    assert core is not None
    assert core.failed[0].sentence == "a\\x00b: '\\x85"


@pytest.mark.parametrize("content", ["", "a: [", "kind: ConformanceReport\n", "- 1\n"])
def test_no_report(tmp_path: Path, content: str) -> None:
    """A file that is no qualification report is refused by name."""
    (tmp_path / "q.yaml").write_text(content)

    with pytest.raises(QualificationError, match=r"q\.yaml is no qualification report"):
        read_qualification(tmp_path / "q.yaml")
