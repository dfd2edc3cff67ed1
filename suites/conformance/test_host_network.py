"""Endpoints in the node's own network namespace: the address is the node's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check


@case(
    "SVC-008",
    feature="hairpin",
    min_nodes=2,
    requires=("host-network",),
    reference="k/k test/e2e/network/networking.go, service endpoints using hostNetwork",
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_node_reaches_itself(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    protocol: str,
    host_port: Callable[[], int],
) -> None:
    """A node reaches its own process through a ClusterIP, as other nodes and all pods do."""
    number = host_port()
    serve = [f"{protocol}:{number}"]
    here = workloads.pods(1, on=nodes[0], serve=serve, host_network=True)
    port = {"name": "web", "port": 80, "targetPort": number, "protocol": protocol.upper()}
    target = workloads.service(ports=[port]).target("web")
    everyone = [one for node in nodes for one in (clients.node(node), clients.pod(node))]
    for client in everyone:
        check.reaches(client, target, here, count=20)
    # The second state: not only itself.
    there = workloads.pods(1, on=nodes[1], serve=serve, host_network=True)
    for client in everyone:
        check.reaches(client, target, [*here, *there])
    here[0].delete()
    check.reaches(clients.node(nodes[0]), target, there, count=20)
