"""Runs to report on: one with every outcome, and small ones made to measure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reports.journal import Journal
from reports.model import (
    BuildInfo,
    BuildKind,
    BuildVerdict,
    CaseInfo,
    CaseResult,
    Level,
    NodeInfo,
    Outcome,
    Run,
    RunInfo,
    Step,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STARTED = datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC)

ROUTING = (
    ("SVC-001", "ClusterIP TCP, same node", "every ready backend answers and no attempt fails"),
    ("SVC-002", "ClusterIP TCP across nodes", "every ready backend answers from each node"),
    ("SVC-003", "ClusterIP UDP", "all backends answer, and replies come from the ClusterIP"),
    ("SVC-007", "hairpin to its own Service", "a pod reaches itself through its Service"),
    ("SVC-014", "endpoints come and go", "the backends seen are the ready endpoints"),
    ("SVC-029", "unused port of a ClusterIP", "no backend answers on a port not in the Service"),
)


def case_of(number: str = "SVC-001", **fields: object) -> CaseInfo:
    """Build a case; `fields` replace what it declares."""
    declared: dict[str, object] = {
        "id": number,
        "name": "ClusterIP TCP, same node",
        "summary": "every ready backend answers and no attempt fails",
        "profile": "routing",
        "features": ["ClusterIP"],
        "modes": ["iptables", "ipvs", "nftables"],
        "reference": "KEP-265",
        "nodeid": "suites/conformance/test_cluster_ip.py::test_same_node[ipvs-ipv4]",
        "file": "suites/conformance/test_cluster_ip.py",
        "line": 31,
    }
    return CaseInfo.model_validate(declared | fields)


def result_of(
    outcome: Outcome = Outcome.PASSED, case: CaseInfo | None = None, **fields: object
) -> CaseResult:
    """Build a result of `outcome`; `fields` replace what was found."""
    case = case or case_of()
    params = {"mode": "ipvs", "family": "ipv4"}
    found: dict[str, object] = {
        "case": case,
        "outcome": outcome,
        "params": params,
        "sentence": "300 of 300 attempts answered, by 3 of 3 ready backends",
        "duration_s": 0.42,
        "attempts": 300,
        "waits": [Wait(name="service programmed", seconds=0.21, ok=True, attempts=4)],
        "observations": {"backends": {"web-0": 100, "web-1": 101, "web-2": 99}},
        "evidence": f"run.jsonl#{case.id}[ipvs-ipv4]",
    }
    return CaseResult.model_validate(found | fields)


def info_of(**fields: object) -> RunInfo:
    """Build what is known of a run; `fields` replace it."""
    known: dict[str, object] = {
        "id": "20261123-150405-7f3a",
        "started": STARTED,
        "finished": STARTED + timedelta(seconds=48.2),
        "command": "pytest --kp-mode ipvs --kp-build ./kube-proxy",
        "build": BuildInfo(
            source="./kube-proxy",
            path="/home/dev/kubernetes/_output/kube-proxy",
            version="v1.34.4",
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            arch="amd64",
        ),
        "mode": "ipvs",
        "family": "ipv4",
        "provider": "embedded",
        "nodes": [
            NodeInfo(name=f"node-{n}", kernel="7.2.1", mode="ipvs", build="v1.34.4", scheduler="rr")
            for n in (1, 2, 3)
        ],
        "control_plane": "v1.34.4",
        "etcd": "3.5.21",
        "seed": 20261123,
        "timeouts": {"programmed": 10.0, "attempt": 1.0},
        "suite_version": "0.1.0",
        "python": "3.11.7",
        "replay": "tox -e ipvs -- --kp-build ./kube-proxy --kp-seed 20261123",
    }
    return RunInfo.model_validate(known | fields)


def run_of(*results: CaseResult, **fields: object) -> Run:
    """Build a judged run that came to its end; `fields` replace what it found."""
    found: dict[str, object] = {
        "info": info_of(),
        "build_verdict": BuildVerdict(kind=BuildKind.JUDGED, sentence="the build runs"),
        "results": list(results),
    }
    return Run.model_validate(found | fields)


@pytest.fixture
def run() -> Run:
    """Return a run with every outcome, in three profiles and both levels."""
    passed = [
        result_of(case=case_of(number, name=name, summary=summary), duration_s=0.3 + 0.17 * n)
        for n, (number, name, summary) in enumerate(ROUTING)
    ]
    return run_of(
        *passed,
        result_of(
            Outcome.FAILED,
            case_of(
                "SVC-021",
                name="one address, terminating and ready",
                summary="the ready endpoint serves, whatever else has its address",
            ),
            sentence="288 of 300 attempts were refused, where the ready endpoint must answer all",
            detail="assert refused == 0\n  outcome   attempts\n  ok              12\n"
            "  refused        288\n\x1b[31mred <b>& bold</b>\x1b[0m \x00 end",
            log_tail="I1123 15:04:20 proxier.go:941] syncProxyRules took 0.41 s\n",
            duration_s=2.8,
        ),
        result_of(
            Outcome.FAILED,
            case_of(
                "SCH-002",
                name="wrr follows weights",
                summary="connections are spread exactly as the weights say",
                profile="schedulers",
                level=Level.EXTENDED,
                file="suites/schedulers/test_wrr.py",
            ),
            params={"mode": "ipvs", "family": "ipv4", "scheduler": "wrr"},
            sentence="web-0 got 100 of 300 connections, where its weight gives it exactly 150",
            observations={
                "table": [
                    {"backend": "web-0", "expected": 150, "seen": 100},
                    {"backend": "web-1", "expected": 100, "seen": 100},
                    {"backend": "web-2", "expected": 50, "seen": 100},
                ],
                "p": 0.00000012,
            },
        ),
        result_of(
            Outcome.INCONCLUSIVE,
            case_of("CHA-004", name="kube-proxy killed in a sync", profile="chaos"),
            sentence="the client's clock jumped 4.1 s while the fault flew",
            attempts=0,
        ),
        result_of(
            Outcome.NOT_OFFERED,
            case_of("SVC-055", name="NodePort on localhost"),
            sentence="ipvs mode does not offer localhost NodePorts",
            attempts=0,
        ),
        result_of(
            Outcome.NOT_OFFERED,
            case_of("SVC-056", name="NodePort on localhost, UDP"),
            sentence="ipvs mode does not offer localhost NodePorts",
            attempts=0,
        ),
        result_of(
            Outcome.SKIPPED,
            case_of("SVC-004", name="ClusterIP SCTP"),
            sentence="the node's kernel has no SCTP",
            attempts=0,
        ),
        setup_steps=[
            Step(name="control plane", seconds=3.2),
            Step(name="3 nodes", seconds=1.25),
            Step(name="images", seconds=0.04),
        ],
    )


@pytest.fixture
def make_case() -> Callable[..., CaseInfo]:
    """Return the maker of cases."""
    return case_of


@pytest.fixture
def make_result() -> Callable[..., CaseResult]:
    """Return the maker of results."""
    return result_of


@pytest.fixture
def make_info() -> Callable[..., RunInfo]:
    """Return the maker of what is known of a run."""
    return info_of


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Return the maker of runs."""
    return run_of


@pytest.fixture
def keep() -> Callable[[Run, Path], Path]:
    """Return a function that writes a run as the journal its session would have written."""

    def write(run: Run, path: Path) -> Path:
        with Journal(path) as journal:
            for step in run.setup_steps:
                journal.step(step)
            journal.run(run.info)
            if run.build_verdict:
                journal.build_verdict(run.build_verdict)
            for result in run.results:
                journal.case_start(result.case, result.params)
                journal.case(result)
            for problem in run.harness_errors:
                journal.harness_error(problem)
            journal.end(finished=run.info.finished, interrupted=run.interrupted)
        return path

    return write
