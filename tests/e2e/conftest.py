"""Runs of the suites as a user starts them, on clusters that are kept between runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.suites import PYTEST, ROOT, down, kept_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class SuiteRun:
    """A finished run of the suites."""

    status: int
    output: str
    artifacts: Path

    def outcomes(self) -> dict[str, set[str]]:
        """Return the outcomes of each case id."""
        found: dict[str, set[str]] = {}
        for line in (self.artifacts / "run.jsonl").read_text().splitlines():
            record = json.loads(line)
            if record["kind"] == "case":
                result = record["result"]
                found.setdefault(result["case"]["id"], set()).add(result["outcome"])
        return found

    def failed(self) -> set[str]:
        """Return the ids of the cases that failed."""
        return {case for case, outcomes in self.outcomes().items() if "failed" in outcomes}

    def junit(self) -> ET.Element:
        """Return the root of junit.xml."""
        return ET.parse(self.artifacts / "junit.xml").getroot()  # noqa: S314 - our own file


@pytest.fixture(scope="session", autouse=True)
def parts(pytestconfig: pytest.Config) -> None:
    """Get everything that runs need before the first of them, and show what is being made."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        command = [sys.executable, "-m", "clusters", "prepare"]
        subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="session")
def run_suites(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SuiteRun]:
    """Run the suites in a process of their own, as tox does."""

    def run(*arguments: str, timeout: float = 280, **environment: str) -> SuiteRun:
        artifacts = tmp_path_factory.mktemp("artifacts")
        done = subprocess.run(
            [*PYTEST, "--kp-artifacts", str(artifacts), *arguments],
            cwd=ROOT,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return SuiteRun(done.returncode, done.stdout + done.stderr, artifacts)

    return run


@pytest.fixture(scope="module", params=["iptables", "ipvs", "nftables"])
def kept(
    request: pytest.FixtureRequest, run_suites: Callable[..., SuiteRun]
) -> Iterator[tuple[str, str, SuiteRun]]:
    """A cluster of each mode that outlives its first run: (mode, name, that run)."""
    mode = request.param
    first = run_suites("--kp-mode", mode, "--kp-keep", "-k", "same_node or uniform or rr_is_exact")
    name = kept_cluster(first.output)
    assert name, f"the run did not say how to enter its cluster:\n{first.output}"
    yield mode, name, first
    subprocess.run(down(name), cwd=ROOT, check=True)


@pytest.fixture
def reuse(
    kept: tuple[str, str, SuiteRun], run_suites: Callable[..., SuiteRun]
) -> Callable[..., SuiteRun]:
    """Run cases, chosen by id, on the kept cluster."""
    mode, name, _ = kept

    def run(cases: Sequence[str], *arguments: str, **environment: str) -> SuiteRun:
        options = ("--kp-mode", mode, "--kp-reuse", name, "--kp-keep", "--kp-slow", "0.4")
        return run_suites(*options, "--kp-cases", ",".join(cases), *arguments, **environment)

    return run
