"""NodePort: the same port on every node's address, for everyone who reaches the node."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.judges import seen_as
from suites.node_ports import with_own_number
from suites.routes import source_towards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from testinfra.host import Host

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

NETWORKING = "k/k test/e2e/network/networking.go, Granular Checks: Services"
SERVICE = "k/k test/e2e/network/service.go"


@case("NP-001", feature="NodePort", min_nodes=2, reference=NETWORKING)
def test_tcp_from_every_node_to_every_node(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Every node is answered at every node's address over TCP."""
    from_every_to_every(workloads, clients, nodes, check, "tcp")


@case("NP-002", feature="NodePort", min_nodes=2, reference=NETWORKING)
def test_udp_from_every_node_to_every_node(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Every node is answered at every node's address over UDP."""
    from_every_to_every(workloads, clients, nodes, check, "udp")


def from_every_to_every(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """Judge the whole matrix with few connections.

    A connection of node A through node B to a pod there, and a later one of A to the same pod
    that masquerading gives the first one's port, look the same to B's IPVS when the pod answers
    (ip_vs_conn_out_get in net/netfilter/ipvs/ip_vs_conn.c): it breaks. The kernel remembers UDP
    for 300 s, so with 1,000 flows every 65th new one is lost.
    """
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    for sender in nodes:
        for node in nodes:
            check.reaches(
                clients.node(sender),
                service.node_target(node, port),
                pods,
                count=5,
                every_pod=False,
                reuse=True,
            )


@case(
    "NP-003",
    feature=("NodePort", "NAT"),
    min_nodes=2,
    requires=("outside-client", "node-access"),
    reference="k/k pkg/proxy/serviceport.go, externalTrafficPolicy Cluster",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_from_outside(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    port: str,
) -> None:
    """An outside client reaches all endpoints at every node, and they see the node, not it."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    for node in nodes:
        towards = {
            pod.identity: source_towards(cluster, node, pod.addresses[family]) for pod in pods
        }
        check.reaches(
            clients.outside(),
            service.node_target(node, port),
            pods,
            also=partial(seen_as, addresses=towards, what="the node's address towards the pod"),
        )


@case("NP-004", feature="NodePort", requires=("outside-client",), reference=SERVICE)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_released_after_deletion(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    node_host: Callable[[Node], Host],
    port: str,
) -> None:
    """A NodePort holds no socket, is closed with its Service, and the next one may have it."""
    pods = workloads.pods(2, on=nodes[:2])
    first = with_own_number(workloads, "first")
    target = first.node_target(nodes[0], port)
    check.reaches(clients.outside(), target, pods)
    # kube-proxy has opened no socket for it since 1.24 (k/k #108496).
    assert not node_host(nodes[0]).socket(f"{port}://{target.port}").is_listening
    first.delete()
    check.refuses(clients.outside(), target)
    heirs = workloads.pods(1, on=nodes[0], app="heir")
    workloads.service("second", app="heir", type="NodePort", ports=[first.port(port)])
    check.reaches(clients.outside(), target, heirs)
