"""JUnit XML, parsed back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from reports.junit import write_junit, write_junit_of
from reports.model import BuildVerdict, HarnessProblem, Outcome, Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reports.model import CaseResult, RunInfo

# junit-10.xsd of Jenkins' xunit plugin: what it allows where, and in which order.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "id"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}


def parsed(run: Run, tmp_path: Path) -> ET.Element:
    """Write a run and parse the file."""
    path = tmp_path / "junit.xml"
    write_junit(run, path)
    return ET.parse(path).getroot()  # noqa: S314  it was written a line above


def test_counts_add_up(run: Run, tmp_path: Path) -> None:
    """The suite's numbers are those of its cases, the build counting as one."""
    suite = parsed(run, tmp_path)[0]
    numbers = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}

    assert numbers == {"tests": "13", "failures": "2", "errors": "1", "skipped": "3"}
    assert len(suite.findall("testcase")) == 13
    assert suite.get("time") == "48.200"


def test_elements_and_attributes_of_the_schema(run: Run, tmp_path: Path) -> None:
    """Nothing is written that the schema does not know, and properties come first."""
    run.harness_errors = [HarnessProblem(where="x", message="y")]
    root = parsed(run, tmp_path)

    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
    assert [child.tag for child in root[0]][:2] == ["properties", "testcase"]


def test_properties(run: Run, tmp_path: Path) -> None:
    """Dashboards find what was judged, where and by what."""
    found = {item.get("name"): item.get("value") for item in parsed(run, tmp_path).iter("property")}

    assert found["kube-proxy.version"] == "v1.34.4"
    assert found["kube-proxy.sha256"] == run.info.build.sha256
    assert found["kube-proxy.mode"] == "ipvs"
    assert found["k8s.version"] == "v1.34.4"
    assert found["node.kernel"] == "7.2.1"
    assert found["ip-family"] == "ipv4"
    assert found["seed"] == "20261123"
    assert found["suite.version"] == "0.1.0"


def test_failure_has_sentence_and_detail(run: Run, tmp_path: Path) -> None:
    """A failed case carries its sentence, its table and its log, fit for XML."""
    failure = parsed(run, tmp_path).find(".//testcase[@classname='routing.core']/failure")

    assert failure is not None
    assert "288 of 300 attempts were refused" in failure.get("message", "")
    assert "  refused        288\nred <b>& bold</b> \\x00 end" in (failure.text or "")
    assert "syncProxyRules took 0.41 s" in (failure.text or "")


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        (Outcome.FAILED, "failure"),
        (Outcome.INCONCLUSIVE, "error"),
        (Outcome.SKIPPED, "skipped"),
        (Outcome.NOT_OFFERED, "skipped"),
    ],
)
def test_outcome(
    make_run: Callable[..., Run],
    make_result: Callable[..., CaseResult],
    tmp_path: Path,
    outcome: Outcome,
    tag: str,
) -> None:
    """Each outcome but passed has its element, whose type tells which outcome it was."""
    case = parsed(make_run(make_result(outcome, sentence="why")), tmp_path)[0][-1]

    assert [tag, "system-out"] == [child.tag for child in case]
    assert (case[0].get("type"), case[0].get("message")) == (outcome.value, "why")


def test_passed_has_no_mark(
    make_run: Callable[..., Run], make_result: Callable[..., CaseResult], tmp_path: Path
) -> None:
    """A passed case shows what right is and what was observed, and no mark."""
    case = parsed(make_run(make_result()), tmp_path)[0][-1]

    assert [child.tag for child in case] == ["system-out"]
    assert "right: every ready backend answers" in (case[0].text or "")
    assert "observed: backends = {'web-0': 100" in (case[0].text or "")
    assert "attempts judged: 300" in (case[0].text or "")


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("does-not-start", "failure"),
        ("crashes", "failure"),
        ("never-syncs", "failure"),
        ("mode-not-offered", "skipped"),
    ],
)
def test_build_that_cannot_be_judged(
    make_run: Callable[..., Run], tmp_path: Path, kind: str, tag: str
) -> None:
    """The build has a test case of its own, so that a trend shows when it broke."""
    verdict = BuildVerdict.model_validate({"kind": kind, "sentence": "s", "log_tail": "panic: x"})
    case = parsed(make_run(build_verdict=verdict), tmp_path)[0][-1]

    assert (case.get("classname"), case[0].tag, case[0].get("type")) == ("build", tag, kind)
    assert ("panic: x" in (case[0].text or "")) is (tag == "failure")


def test_harness_error_and_interrupt(make_run: Callable[..., Run], tmp_path: Path) -> None:
    """Trouble of the harness, and an interrupt, are errors and never failures."""
    problem = HarnessProblem(where="node-2 \x1b", message="gone", traceback="Traceback ...")
    suite = parsed(make_run(harness_errors=[problem], interrupted=True), tmp_path)[0]

    assert (suite.get("failures"), suite.get("errors")) == ("0", "2")
    assert [error.get("type") for error in suite.iter("error")] == ["harness", "interrupted"]


def test_several_runs(
    make_run: Callable[..., Run], make_info: Callable[..., RunInfo], tmp_path: Path
) -> None:
    """Each run is a suite, named by mode and family."""
    write_junit_of(
        [make_run(info=make_info(mode=mode)) for mode in ("ipvs", "nftables")],
        tmp_path / "junit.xml",
    )
    root = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  written a line above

    assert [suite.get("name") for suite in root] == [
        "proxyproof-ipvs-ipv4",
        "proxyproof-nftables-ipv4",
    ]
