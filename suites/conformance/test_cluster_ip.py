"""ClusterIP: the virtual address that every other way into a Service builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.oracles.outcomes import all_ok
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads


@case("SVC-001", feature="ClusterIP", reference="k/k test/e2e/network/networking.go pod-Service")
def test_cluster_ip_tcp_same_node(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], until: Until, timeouts: Timeouts
) -> None:
    """A pod reaches every ready endpoint of a ClusterIP on its own node over TCP."""
    pods = workloads.pods(3, on=nodes[0])
    service = workloads.service()
    client = clients.pod(nodes[0])
    names = {pod.identity for pod in pods}
    until(
        "programmed",
        lambda: all_ok(client.probe(service.target(), 20).__dict__, names),
        within=timeouts.programmed,
    )
    require(all_ok(client.probe(service.target(), 300).__dict__, names))
