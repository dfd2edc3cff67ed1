"""What the stand-in for the kubelet reports of a pod."""

from __future__ import annotations

import re
import socket
import time
from datetime import datetime
from typing import Any, Self

import pytest

from clusters.embedded.guest import kubelet
from clusters.embedded.guest.api import Gone
from clusters.embedded.guest.kubelet import Kubelet, Renewals
from clusters.embedded.guest.pod_status import agent_port, conditions, now

GATE = "proxyproof.dev/ready"


def pod(gates: tuple[str, ...] = (), /, **have: str) -> dict[str, Any]:
    """Return a pod with readiness gates and the conditions that it has."""
    status = {"conditions": [{"type": kind, "status": value} for kind, value in have.items()]}
    return {"spec": {"readinessGates": [{"conditionType": g} for g in gates]}, "status": status}


def reported(described: dict[str, Any], *, running: bool = True) -> dict[str, str]:
    """Return the statuses that would be written."""
    return {c["type"]: c["status"] for c in conditions(described, running=running)}


def test_a_new_pod_gets_every_condition() -> None:
    """A pod that has just started is scheduled, initialized and ready."""
    assert reported({"spec": {}}) == {
        "PodScheduled": "True",
        "Initialized": "True",
        "ContainersReady": "True",
        "Ready": "True",
    }


def test_a_pod_that_does_not_run_is_not_ready() -> None:
    """Readiness needs running containers."""
    assert reported({"spec": {}}, running=False)["Ready"] == "False"
    assert reported({"spec": {}}, running=False)["ContainersReady"] == "False"


@pytest.mark.parametrize(
    ("gate", "ready"), [({}, "False"), ({GATE: "False"}, "False"), ({GATE: "True"}, "True")]
)
def test_readiness_gate_decides(gate: dict[str, str], ready: str) -> None:
    """Ready waits for the gate (KEP-580), while the containers are ready already."""
    found = reported(pod((GATE,), **gate))
    assert found["Ready"] == ready
    assert found["ContainersReady"] == "True"


def test_every_gate_has_to_be_open() -> None:
    """One closed gate of two keeps the pod from being ready."""
    assert reported(pod((GATE, "other"), **{GATE: "True"}))["Ready"] == "False"


def test_only_changes_are_reported() -> None:
    """What the API has already is not written again; a closed gate changes Ready alone."""
    have = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": "True"}
    assert reported(pod(**have, Ready="True")) == {}
    closed = pod((GATE,), **have, Ready="True", **{GATE: "False"})
    assert reported(closed) == {"Ready": "False"}


def test_times_are_as_the_api_writes_them() -> None:
    """metav1.Time has whole seconds, metav1.MicroTime (a Lease's) six decimals."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", now())


def test_renewals_go_on_where_the_clock_is_stepped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lease never comes from the future, nor from the past after it."""
    renewals, wall = Renewals(), time.time()
    first = renewals.next()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first)
    monkeypatch.setattr(time, "time", lambda: wall + 3600)
    second = renewals.next()
    monkeypatch.setattr(time, "time", lambda: wall)
    assert first < second < renewals.next()
    assert abs(datetime.fromisoformat(second).timestamp() - wall) < 60


def test_a_pod_keeps_its_control_port_over_a_boot() -> None:
    """What was annotated before is taken again, and nothing where nothing was."""
    annotations = {"proxyproof.dev/agent": "10.255.1.2:7104"}
    assert agent_port({"metadata": {"annotations": annotations}}) == 7104
    assert agent_port({"metadata": {}}) == 0
    assert agent_port({"metadata": {"annotations": {"other": "x:1"}}}) == 0


@pytest.mark.parametrize("last", [None, Gone("not found")])
def test_a_pod_that_ended_while_the_api_was_away_is_forgotten_later(
    monkeypatch: pytest.MonkeyPatch, last: Exception | None
) -> None:
    """The deletion is asked for until the API has heard it; otherwise the pod would stay."""
    answers: list[Exception | None] = [ConnectionRefusedError("refused"), OSError("503"), last]
    asked = []

    class Away:
        def __init__(self, _config: dict[str, Any]) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def call(self, method: str, path: str, body: dict[str, Any]) -> None:
            asked.append((method, path, body["preconditions"]["uid"]))
            if error := answers.pop(0):
                raise error

    monkeypatch.setattr(kubelet, "Api", Away)
    monkeypatch.setattr(kubelet, "RENEW_SECONDS", 0.0)
    ours, workers = socket.socketpair()
    workers.sendall(b"{}\n{}\n")
    one = Kubelet({"name": "node-1"}, ours)
    one.end({"metadata": {"namespace": "ns", "name": "web", "uid": "u1"}})
    assert asked == [("DELETE", "/api/v1/namespaces/ns/pods/web", "u1")] * 3
    assert answers == []
