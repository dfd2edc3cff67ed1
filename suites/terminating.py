"""Pods that terminate and serve on, as a pod with a preStop hook does (KEP-1669)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.workloads import Pod, Service

GRACE = 1800
"""Seconds that a terminating pod may live: longer than any case, which ends it when it is done."""

SERVES_ON = ("--grace", str(GRACE), "--keep-accepting")
"""Arguments of a pod's agent: after SIGTERM it accepts connections until the grace is over."""


def terminate(service: Service, pods: Sequence[Pod]) -> None:
    """Delete pods with grace, and wait until the API's endpoints of `service` terminate."""
    for pod in pods:
        pod.delete(grace=GRACE)
    gone = {pod.addresses[service.family] for pod in pods}

    def terminating() -> bool:
        marked = [e for e in service.endpoints() if e["conditions"].get("terminating")]
        return gone <= {address for entry in marked for address in entry["addresses"]}

    work = pods[0].workloads
    work.until.testbed(
        f"the API says that {len(pods)} endpoints terminate",
        terminating,
        within=work.timeouts.pod_running,
    )


def end(pods: Sequence[Pod]) -> None:
    """End terminating pods before their grace is over."""
    for pod in pods:
        pod.delete(grace=0)
