"""Shows that kube-proxy has programmed a change that traffic alone would not show."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fixtures.clients import Client
    from fixtures.workloads import Pod, Service, Workloads
    from suites.check import Check

PORTS = ({"name": "tcp", "protocol": "TCP", "port": 8080},)


class Programmed:
    """Callable that waits until all that the API has by now is in force near some clients.

    kube-proxy learns of Services, and of EndpointSlices, in the order in which they were written,
    as one watch brings all of a kind, and a sync programs all that it has learnt. So a new Service
    with a new slice works only when those written before are in force.
    """

    def __init__(self, workloads: Workloads, check: Check) -> None:
        self.workloads = workloads
        self.check = check
        self._numbers = itertools.count(1)

    def __call__(self, clients: Iterable[Client], pod: Pod) -> None:
        """Let a new Service of `pod`, which has to serve still, work for each of the clients."""
        service = self.workloads.service(f"marker-{next(self._numbers)}", app=None)
        entry = {
            "addresses": [pod.addresses[self.workloads.family]],
            "conditions": {"ready": True},
            "nodeName": pod.node,
        }
        service.set_endpoints([entry], ports=PORTS)
        for client in clients:
            self.check.reaches(client, service.target(), [pod], count=1, every_pod=False)


def set_ready(service: Service, pods: Sequence[Pod], *, ready: bool) -> None:
    """Open or close the gates of gated pods, and wait until the API's endpoints show it."""
    for pod in pods:
        pod.set_ready(ready)
    meant = {pod.addresses[service.family] for pod in pods}

    def shown() -> bool:
        listed = [e for e in service.endpoints() if e["conditions"].get("ready") is ready]
        return meant <= {address for entry in listed for address in entry["addresses"]}

    work = pods[0].workloads
    work.until.testbed(
        f"the API says that {len(pods)} endpoints are {'' if ready else 'not '}ready",
        shown,
        within=work.timeouts.pod_running,
    )
