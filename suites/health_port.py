"""What a Service's healthCheckNodePort says to a load balancer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.protocol import Node
    from fixtures.services import Service
    from fixtures.waits import Until
    from suites.answers import Answers


def counts(namespace: str, name: str, local: int, *, healthy: bool = True) -> Callable[[str], bool]:
    """Accept what a healthCheckNodePort says of a Service with `local` endpoints.

    Source: hcHandler in k/k pkg/proxy/healthcheck/service_health.go.
    """
    right = {
        "service": {"namespace": namespace, "name": name},
        "localEndpoints": local,
        "serviceProxyHealthy": healthy,
    }

    def accept(body: str) -> bool:
        try:
            said: dict[str, Any] = json.loads(body)
        except ValueError:
            return False
        return {key: said.get(key) for key in right} == right

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
        right = counts(self.service.namespace, self.service.name, local, healthy=healthy)
        self._wait(node, f"says {status} of {local} endpoints", status, right)

    def closed(self, node: Node) -> None:
        """Wait until nothing answers on the port that `says` asked last."""
        self._wait(node, "is closed", 0, None)

    def _wait(self, node: Node, what: str, status: int, body: Callable[[str], bool] | None) -> None:
        address, port = node.addresses[self.service.family], self.number
        self.until(
            f"the health check port of {node.name} {what}",
            lambda: self.answers.judge(node, address, port, status=status, body=body),
            within=self.within,
        )
