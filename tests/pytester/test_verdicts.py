"""What a case does decides its verdict, the run's exit status and every report alike."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.options import DEFAULT_NODES
from tests.pytester.conftest import CASES, Judged

NODES = [f"node-{number}" for number in range(1, DEFAULT_NODES + 1)]

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

pytest_plugins = ["pytester"]

GOOD = '''
@case("GOOD-1", feature="x", reference="KEP-0")
def test_good(probe):
    """Attempts are answered. And more words."""
    assert probe().ok
'''

FAILS = '''
@case("FAIL-1", feature="x")
def test_fails(probe):
    """Nobody answers."""
    assert not probe().ok, "3 of 3 connections were answered; nobody should answer"
'''

BLIND = '''
@case("BLIND-1", feature="x")
def test_blind():
    """Nothing is looked at."""
'''

BREAKS = '''
@case("BREAK-1", feature="x")
def test_breaks(probe):
    """The harness breaks while it looks."""
    probe()
    {}["missing"]
'''


def test_good_build(judge: Judge) -> None:
    """Cases that pass on packets give 0, in the journal, junit.xml and qualification.yaml."""
    judged = judge(GOOD, process=True)
    assert judged.status == 0, judged.out + judged.err
    (result,) = judged.run.results
    assert (result.case.id, result.outcome, result.attempts) == ("GOOD-1", "passed", 3)
    assert result.case.summary == "Attempts are answered"
    assert result.params == {"mode": "iptables", "family": "ipv4"}
    assert judged.junit == {"tests": 2, "failures": 0, "errors": 0, "skipped": 0}
    assert [node.name for node in judged.run.info.nodes] == NODES
    assert "PASSED" in judged.out
    assert (judged.artifacts.parent / "closed").exists()


def test_failed_case(judge: Judge) -> None:
    """An assertion is the build's failure: 1, with the sentence, and the rest still runs."""
    judged = judge(FAILS + GOOD, process=True)
    assert judged.status == 1, judged.out + judged.err
    assert judged.outcomes == {"FAIL-1": "failed", "GOOD-1": "passed"}
    assert judged.junit["failures"] == 1
    assert "3 of 3 connections were answered; nobody should answer" in judged.out
    assert "Traceback" not in judged.out
    state = judged.artifacts / "logs" / "state" / "FAIL-1-iptables-ipv4"
    assert sorted(path.name for path in state.iterdir()) == NODES


def test_case_without_a_packet(judge: Judge) -> None:
    """A case that saw no packet decides nothing: inconclusive, status 2."""
    judged = judge(BLIND + GOOD)
    assert judged.status == 2, judged.out + judged.err
    assert judged.outcomes == {"BLIND-1": "inconclusive", "GOOD-1": "passed"}
    assert "without having seen a packet" in judged.out


def test_harness_exception(judge: Judge) -> None:
    """What nobody expected is the harness's fault: status 3, never a failure of the build."""
    judged = judge(BREAKS + GOOD)
    assert judged.status == 3, judged.out + judged.err
    assert judged.outcomes == {"BREAK-1": "inconclusive", "GOOD-1": "passed"}
    (problem,) = judged.run.harness_errors
    assert problem.message == "KeyError: 'missing'"
    assert "test_cases.py" in problem.traceback
    assert judged.junit["failures"] == 0
    assert "not the build's fault" in judged.out


def test_testbed_error_in_a_fixture(judge: Judge) -> None:
    """A testbed that fails while a case is set up is not the build's failure either."""
    judged = judge('''
@pytest.fixture
def broken():
    raise TestbedError("node-2 has no room")


@case("BED-1", feature="x")
def test_bed(broken):
    """Needs what cannot be had."""
''')
    assert judged.status == 3
    assert judged.outcomes == {"BED-1": "inconclusive"}
    assert [problem.message for problem in judged.run.harness_errors] == ["node-2 has no room"]


def test_failure_and_broken_tear_down(judge: Judge) -> None:
    """A failure on evidence stands although the harness breaks after it."""
    judged = judge('''
@pytest.fixture
def clumsy():
    yield
    raise RuntimeError("dropped it")


@case("BOTH-1", feature="x")
def test_both(clumsy, probe):
    """Nobody answers."""
    assert not probe().ok, "somebody answered"
''')
    assert judged.status == 1
    assert judged.outcomes == {"BOTH-1": "failed"}


def test_build_error_in_a_case(judge: Judge) -> None:
    """A build that dies while a case restarts it fails that case, with its log."""
    judged = judge('''
@case("DIES-1", feature="x")
def test_dies(probe):
    """kube-proxy comes back."""
    probe()
    raise BuildError("kube-proxy on node-1 ended", kind="crashes", node="node-1", log="E01 gone")
''')
    assert judged.status == 1
    (result,) = judged.run.results
    assert (result.outcome, result.log_tail) == ("failed", "E01 gone")


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("does-not-start", 1, "DOES NOT START"),
        ("crashes", 1, "CRASHES"),
        ("never-syncs", 1, "NEVER SYNCS"),
        ("mode-not-offered", 2, "MODE NOT OFFERED"),
    ],
)
def test_build_that_does_not_come_up(judge: Judge, kind: str, status: int, word: str) -> None:
    """A build that cannot be judged gets one verdict with its last lines, and no case runs."""
    judged = judge(GOOD, "--kp-build", f"bad-{kind}")
    assert judged.status == status, judged.out + judged.err
    verdict = judged.run.build_verdict
    assert verdict is not None
    assert (verdict.kind, verdict.node) == (kind, "node-1")
    assert judged.outcomes == {}
    assert word in judged.out
    assert "E0101 cannot go on: the rules were refused" in judged.out
    assert (judged.artifacts / "junit.xml").exists()
    assert (judged.artifacts / "qualification.yaml").exists()


@pytest.mark.parametrize(
    ("build", "status", "line"),
    [
        ("config", 4, "the user asked for something that cannot be"),
        ("testbed", 3, "the machine has no room"),
        ("surprise", 3, "RuntimeError: nobody thought of this"),
    ],
)
def test_set_up_that_fails(judge: Judge, build: str, status: int, line: str) -> None:
    """Who is at fault decides the status; the user's mistake is one line and no report."""
    judged = judge(GOOD, "--kp-build", build)
    assert judged.status == status, judged.out + judged.err
    if status == 4:
        assert judged.errors == [f"ERROR: {line}"]
        assert not (judged.artifacts / "junit.xml").exists()
    else:
        assert line in judged.out
        assert [problem.message for problem in judged.run.harness_errors] == [line]
    assert "Traceback" not in judged.out


def test_unwritable_artifacts(judge: Judge) -> None:
    """Evidence that cannot be kept ends the run before a cluster is made: 3, one line."""
    judged = judge(GOOD, artifacts="/dev/null/out")
    assert judged.status == 3
    assert "cannot write artifacts to /dev/null/out: Not a directory" in judged.out + judged.err
    assert "Traceback" not in judged.out + judged.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt(project: pytest.Pytester, number: signal.Signals) -> None:
    """Ctrl-C or SIGTERM in a case ends with status 2, the cluster down and all reports written."""
    waits = '''
@case("WAIT-1", feature="x")
def test_waits(probe):
    """Takes for ever."""
    import pathlib, time
    pathlib.Path("waiting").touch()
    time.sleep(60)
'''
    project.makepyfile(test_cases=CASES + GOOD + waits)
    plugins = ("-p", "fixtures.plugin", "-p", "tests.pytester.on_fake")
    process = project.popen(
        [sys.executable, "-m", "pytest", *plugins, "--kp-artifacts", "out", "--kp-parallel", "1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (project.path / "waiting").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    judged = Judged(process.returncode, out.decode(), err.decode(), project.path / "out")
    assert judged.status == 2, judged.out + judged.err
    assert judged.run.interrupted
    assert judged.outcomes == {"GOOD-1": "passed", "WAIT-1": "inconclusive"}
    assert (project.path / "closed").exists()
    assert (judged.junit["failures"], judged.junit["errors"]) == (0, 2)
    assert judged.qualification


def test_baseline_is_named(judge: Judge) -> None:
    """The reports say what a build was compared with."""
    judged = judge(GOOD, "--kp-baseline", "v1.98")
    assert judged.run.info.baseline is not None
    assert judged.run.info.baseline.source == "v1.98"
    assert judged.qualification["environment"]["baseline"] == "v1.99.0"
