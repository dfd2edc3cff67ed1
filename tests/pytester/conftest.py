"""The real plugin in a pytest of its own, on the fake cluster or, for wrong options, on none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from reports.journal import load_run
from tests.pytester import on_fake

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.model import Run

    Judge = Callable[..., "Judged"]

ROOT = Path(__file__).resolve().parents[2]

CASES = '''
import pytest
from clusters.errors import BuildError, HarnessError, TestbedError
from fixtures.agent.client import Agent
from fixtures.case import case


@pytest.fixture
def probe(cluster, recorder):
    """Make real attempts at a port that an agent serves, and at one where nobody listens."""
    from fixtures.clients import Client, Target

    def attempt(count=3):
        node = cluster.nodes[0]
        with Agent(node.agent.host, node.agent.port) as agent:
            port = agent.serve()
            client = Client("node-1", "node", "node-1", dict(node.addresses), agent, recorder)
            attempts = client.probe(Target(node.addresses["ipv4"], port), count)
            agent.unserve(port)
        return attempts

    return attempt
'''


@dataclass(frozen=True)
class Judged:
    """A run that has ended, and the reports it wrote."""

    status: int
    out: str
    err: str
    artifacts: Path

    @property
    def errors(self) -> list[str]:
        """The lines on standard error, without empty ones."""
        return [line for line in self.err.splitlines() if line.strip()]

    @property
    def run(self) -> Run:
        """What the journal says."""
        return load_run(self.artifacts / "run.jsonl")

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each case by id, from the journal."""
        return {result.case.id: str(result.outcome) for result in self.run.results}

    @property
    def qualification(self) -> dict[str, Any]:
        """What qualification.yaml says."""
        loaded: dict[str, Any] = yaml.safe_load((self.artifacts / "qualification.yaml").read_text())
        return loaded

    @property
    def junit(self) -> dict[str, int]:
        """The counts of junit.xml."""
        root = ET.parse(self.artifacts / "junit.xml").getroot()  # noqa: S314 - our own file
        names = ("tests", "failures", "errors", "skipped")
        suites = [root] if root.tag == "testsuite" else list(root)
        return {name: sum(int(suite.get(name, 0)) for suite in suites) for name in names}


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make an empty project, with none of the environment's defaults."""
    for name in ("KUBE_PROXY_MODE", "IP_FAMILY", "ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Imported anew by each run in this process, it would cost more than the run.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    return pytester


@pytest.fixture
def judge(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Write cases, run them on the fake cluster, and return the run.

    In this process unless `process` is set: pytest's start alone takes longer than most cases here.
    """

    def run(cases: str, *arguments: str, artifacts: str = "out", process: bool = False) -> Judged:
        project.makepyfile(test_cases=CASES + cases)
        given = ["-p", "fixtures.plugin", "-p", "no:cacheprovider", *arguments]
        if artifacts:
            given += ["--kp-artifacts", artifacts]
        if process:
            done = project.runpytest_subprocess("-p", "tests.pytester.on_fake", *given, timeout=60)
        else:
            on_fake.install(monkeypatch.setattr)
            done = project.runpytest_inprocess(*given)
        folder = project.path / (artifacts or "_artifacts")
        return Judged(int(done.ret), done.stdout.str(), done.stderr.str(), folder)

    return run
