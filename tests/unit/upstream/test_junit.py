"""Upstream's report is read as ginkgo writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.upstream.junit import Found, ReportError, first_line, read

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="5"><testsuite name="Kubernetes e2e suite">
<testcase name="[SynchronizedBeforeSuite]" status="{before}" time="1.5">{broken}</testcase>
<testcase name="[It] [sig-network] Services should work [Conformance]" status="passed" time="12.25">
</testcase>
<testcase name="[It] [sig-network] Services should fail" status="failed" time="61">
<failure type="failed">[FAILED] timed out
after a minute</failure><system-err>log</system-err></testcase>
<testcase name="[It] [sig-network] Services should need nodes" status="skipped" time="0.5">
<skipped message="skipped - needs at least 3 nodes"></skipped></testcase>
<testcase name="[It] [sig-network] Services should be left out" status="skipped" time="0">
<skipped message="skipped"></skipped></testcase>
<testcase name="[It] [sig-apps] Deployment should work" status="skipped" time="0">
<skipped message="skipped"></skipped></testcase>
</testsuite></testsuites>
"""


def test_verdicts(tmp_path: Path) -> None:
    """What was outside the focus is not there; what a spec said of itself is."""
    report = tmp_path / "junit_01.xml"
    report.write_text(REPORT.format(before="passed", broken=""))
    assert read(report) == {
        "should work": Found("passed", 12.25),
        "should fail": Found("failed", 61.0, "timed out"),
        "should need nodes": Found("skipped", 0.5, "needs at least 3 nodes"),
    }


def test_a_suite_that_does_not_begin(tmp_path: Path) -> None:
    """Then no spec was run, and nothing is compared."""
    report = tmp_path / "junit_01.xml"
    broken = '<failure type="failed">[FAILED] nodes are not schedulable</failure>'
    report.write_text(REPORT.format(before="failed", broken=broken))
    with pytest.raises(ReportError, match=r"BeforeSuite.*nodes are not schedulable"):
        read(report)


@pytest.mark.parametrize("text", ["", "<testsuites><testsuite>"])
def test_no_report(tmp_path: Path, text: str) -> None:
    """A report that was cut off is none."""
    report = tmp_path / "junit_01.xml"
    report.write_text(text)
    with pytest.raises(ReportError, match=r"junit_01\.xml"):
        read(report)


def test_no_paths_of_the_machine() -> None:
    """What upstream says of a command is kept, but not where this machine has it."""
    said = (
        "\n[FAILED] error running /root/.cache/x/kubectl --server=https://172.17.0.2:6443 "
        "--kubeconfig=/root/.cache/runs/1/kubeconfig --namespace=a exec pause-pod:\nCommand stdout"
    )
    assert first_line(said) == "error running kubectl --namespace=a exec pause-pod:"
