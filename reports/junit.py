"""JUnit XML in the dialect that pytest writes (xunit2), valid against Jenkins' junit-10.xsd.

JUnit knows no third outcome. An inconclusive case becomes an `<error>`: as `<skipped>` it would
read green, as `<failure>` it would blame the build. Trouble of the harness and an interrupted run
are `<error>` of a test case of their own, a build that cannot be judged is a `<failure>`; not
offered and skipped are `<skipped>` with the type telling which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from reports.files import write_whole
from reports.model import BuildKind, Outcome
from reports.text import printable
from reports.timeline import is_timeline
from reports.verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reports.model import BuildVerdict, CaseResult, HarnessProblem, Run

_CHILD = {
    Outcome.FAILED: "failure",
    Outcome.INCONCLUSIVE: "error",
    Outcome.SKIPPED: "skipped",
    Outcome.NOT_OFFERED: "skipped",
}


def write_junit(run: Run, path: Path) -> None:
    """Write one run as JUnit XML; raises OSError where the file cannot be written."""
    write_junit_of([run], path)


def write_junit_of(runs: Iterable[Run], path: Path) -> None:
    """Write several runs, each as a suite; raises OSError where the file cannot be written."""
    root = ET.Element("testsuites", name="proxyproof")
    root.extend([_suite(run) for run in runs])
    ET.indent(root)
    write_whole(path, ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")


def properties(run: Run) -> dict[str, str]:
    """Name what was judged and where, with the keys that dashboards group by."""
    info = run.info
    everything = {
        "kube-proxy.source": info.build.source,
        "kube-proxy.version": info.build.version,
        "kube-proxy.sha256": info.build.sha256,
        "kube-proxy.mode": info.mode,
        "ipvs.scheduler": _distinct(node.scheduler for node in info.nodes),
        "baseline.version": info.baseline.version if info.baseline else "",
        "k8s.version": info.control_plane,
        "etcd.version": info.etcd,
        "node.kernel": _distinct(node.kernel for node in info.nodes),
        "provider": info.provider,
        "ip-family": info.family,
        "seed": "" if info.seed is None else str(info.seed),
        "suite.version": info.suite_version,
        "verdict": judge(run).word.lower(),
    }
    return {name: value for name, value in everything.items() if value}


def _distinct(values: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))


def _suite(run: Run) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        name="-".join(filter(None, ("proxyproof", run.info.mode, run.info.family))),
        timestamp=run.info.started.isoformat(timespec="seconds"),
        id=run.info.id,
    )
    holder = ET.SubElement(suite, "properties")
    for name, value in properties(run).items():
        ET.SubElement(holder, "property", name=name, value=printable(value))
    if run.build_verdict is not None:
        suite.append(_build(run.build_verdict))
    suite.extend([_case(result) for result in run.results])
    suite.extend([_problem(problem) for problem in run.harness_errors])
    if run.interrupted:
        ended = _testcase("harness", "the run comes to its end")
        _child(ended, "error", "interrupted", "the run was interrupted", "")
        suite.append(ended)
    _count(suite, run.seconds)
    return suite


def _count(suite: ET.Element, seconds: float | None) -> None:
    cases = suite.findall("testcase")
    spent = sum(float(case.get("time", "0")) for case in cases)
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", f"{spent if seconds is None else seconds:.3f}")


def _testcase(classname: str, name: str, seconds: float = 0.0) -> ET.Element:
    return ET.Element(
        "testcase", classname=printable(classname), name=printable(name), time=f"{seconds:.3f}"
    )


def _child(parent: ET.Element, tag: str, kind: str, message: str, body: str) -> None:
    child = ET.SubElement(parent, tag, type=kind, message=printable(message))
    if body.strip():
        child.text = printable(body)


def _case(result: CaseResult) -> ET.Element:
    case = result.case
    element = _testcase(
        f"{case.profile}.{case.level}", f"{result.key} {case.name}", result.duration_s
    )
    if tag := _CHILD.get(result.outcome):
        _child(element, tag, result.outcome, result.sentence or result.outcome, _long_text(result))
    output = ET.SubElement(element, "system-out")
    output.text = printable("\n".join(_facts(result)))
    return element


def _long_text(result: CaseResult) -> str:
    if result.outcome in (Outcome.SKIPPED, Outcome.NOT_OFFERED):
        return ""
    parts = [result.detail]
    if result.log_tail.strip():
        parts.append(f"last lines of the log:\n{result.log_tail}")
    return "\n\n".join(filter(None, parts))


def _facts(result: CaseResult) -> Iterable[str]:
    case = result.case
    yield f"right: {case.summary}"
    if case.nodeid or case.file:
        yield f"case: {case.nodeid or case.file}"
    if case.reference:
        yield f"reference: {case.reference}"
    if result.attempts:
        yield f"attempts judged: {result.attempts}"
    for wait in result.waits:
        ending = "" if wait.ok else ", in vain"
        yield f"waited: {wait.name}: {wait.seconds:.3f} s, {wait.attempts} tries{ending}"
    for name, value in result.observations.items():
        if not is_timeline(value):
            yield f"observed: {name} = {value}"
    if result.evidence:
        yield f"evidence: {result.evidence}"


def _build(verdict: BuildVerdict) -> ET.Element:
    element = _testcase("build", "kube-proxy starts, syncs and offers the mode")
    match verdict.kind:
        case BuildKind.JUDGED:
            pass
        case BuildKind.MODE_NOT_OFFERED:
            _child(element, "skipped", verdict.kind, verdict.sentence, "")
        case _:
            where = f"on node {verdict.node}\n\n" if verdict.node else ""
            _child(element, "failure", verdict.kind, verdict.sentence, where + verdict.log_tail)
    return element


def _problem(problem: HarnessProblem) -> ET.Element:
    element = _testcase("harness", problem.where)
    _child(element, "error", "harness", problem.message, problem.traceback or problem.message)
    return element
