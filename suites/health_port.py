"""What a Service's healthCheckNodePort says to a load balancer."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from suites.oracles.verdict import Judgement, right, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from clusters.protocol import Node
    from fixtures.clients import Client
    from fixtures.kube import Kube
    from fixtures.services import Service
    from fixtures.waits import Until
    from suites.answers import Answers

WEIGHT = "x-load-balancing-endpoint-weight"
"""How many endpoints the node has, for load balancers that do not read the body (k/k #118999)."""

REASON = "FailedToStartServiceHealthcheck"


def counts(namespace: str, name: str, local: int, *, healthy: bool = True) -> Callable[[str], bool]:
    """Accept what a healthCheckNodePort says of a Service with `local` endpoints.

    Source: hcHandler in k/k pkg/proxy/healthcheck/service_health.go.
    """
    expected = {
        "service": {"namespace": namespace, "name": name},
        "localEndpoints": local,
        "serviceProxyHealthy": healthy,
    }

    def accept(body: str) -> bool:
        try:
            said: dict[str, Any] = json.loads(body)
        except ValueError:
            return False
        return {key: said.get(key) for key in expected} == expected

    return accept


class HealthPort:
    """Waits for the answers of one Service's healthCheckNodePort on any node.

    The port is read anew each time: it is another one after externalTrafficPolicy was Cluster.
    """

    def __init__(self, answers: Answers, until: Until, service: Service, within: float) -> None:
        self.answers = answers
        self.until = until
        self.service = service
        self.within = within
        self.number = int(service.spec["healthCheckNodePort"])

    def says(self, node: Node, status: int, *, local: int, healthy: bool = True) -> None:
        """Wait until the port answers with this status, count of endpoints and health."""
        self.number = int(self.service.spec["healthCheckNodePort"])
        body = counts(self.service.namespace, self.service.name, local, healthy=healthy)
        weight = {WEIGHT: str(local)}
        self._wait(node, f"says {status} of {local} endpoints", status, body, weight)

    def closed(self, node: Node) -> None:
        """Wait until nothing answers on the port that `says` asked last."""
        self._wait(node, "is closed", 0)

    def _wait(
        self,
        node: Node,
        what: str,
        status: int,
        body: Callable[[str], bool] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        address, port = node.addresses[self.service.family], self.number
        self.until(
            f"the health check port of {node.name} {what}",
            lambda: self.answers.judge(
                node, address, port, status=status, body=body, headers=headers
            ),
            within=self.within,
        )


@contextmanager
def port_taken(client: Client, port: int) -> Iterator[None]:
    """Have `client` listen on a TCP port of all its addresses during the body."""
    client.agent.serve(port)
    try:
        yield
    finally:
        client.agent.unserve(port)


def warned(kube: Kube, service: Service, node: Node, port: int) -> Judgement:
    """Judge that an event of `service` warns that `node` cannot listen on a port.

    Source: SyncServices in k/k pkg/proxy/healthcheck/service_health.go.
    """
    found = kube.get(f"/apis/events.k8s.io/v1/namespaces/{service.namespace}/events")["items"]
    said = [(e.get("type"), e.get("reason"), e.get("note", "")) for e in found]
    for kind, reason, note in said:
        if (kind, reason) == ("Warning", REASON) and node.name in note and str(port) in note:
            return right(f"an event says: {note}")
    reasons = sorted({str(reason) for _, reason, _ in said}) or ["nothing"]
    return wrong(f"no event of {service.name} warns of port {port}, only {', '.join(reasons)}")
