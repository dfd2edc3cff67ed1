"""What is told of a pod, from what the API has of it."""

from __future__ import annotations

import datetime as dt
from typing import Any


def now() -> str:
    """Return the time as the API writes it."""
    here = dt.datetime.now(dt.timezone.utc)  # noqa: UP017 - 3.9 runs it
    return here.strftime("%Y-%m-%dT%H:%M:%SZ")


def conditions(pod: dict[str, Any], *, running: bool) -> list[dict[str, Any]]:
    """Return the pod's conditions; Ready needs every readiness gate's condition to be True."""
    have = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", [])}
    gates = [g["conditionType"] for g in pod["spec"].get("readinessGates", [])]
    gated = all(have.get(gate) == "True" for gate in gates)
    wanted = {
        "PodScheduled": True,
        "Initialized": True,
        "ContainersReady": running,
        "Ready": running and gated,
    }
    return [
        {"type": kind, "status": str(value), "lastTransitionTime": now()}
        for kind, value in wanted.items()
        if have.get(kind) != str(value)
    ]


def agent_port(pod: dict[str, Any]) -> int:
    """Return where the pod's agent was controlled before the node lost its power, or 0."""
    annotations = pod["metadata"].get("annotations") or {}
    return int(annotations.get("proxyproof.dev/agent", ":0").rpartition(":")[2])
