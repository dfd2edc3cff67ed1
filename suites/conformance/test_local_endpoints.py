"""Policy Local while a node's endpoints come and go, and clients that it does not bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.known_bugs import LOCAL_CLIENTS
from suites.load_balancing import load_balancer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Service, Workloads
    from suites.check import Check
    from suites.health_port import HealthPort

SERVICE = "k/k test/e2e/network/service.go"
POLICY = "KEP-2086; k/k pkg/proxy/topology.go"
OUTSIDE = ("outside-client",)
OK, UNAVAILABLE = 200, 503


@case(
    "ETP-003",
    feature="eTP",
    min_nodes=2,
    reference="k/k #131765, #132456, #97081",
    known_bug=LOCAL_CLIENTS,
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_local_clients_are_not_bound(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    port: str,
    address: Callable[[], str],
) -> None:
    """With externalTrafficPolicy Local pods and nodes reach endpoints of other nodes as well.

    In IPVS mode all but a node at a VIP: it sends from the VIP itself, which kube-ipvs0 has, and is
    not masqueraded under policy Local, so that the endpoint's node answers itself. k/k #97081
    promises it to pods only.
    """
    pods = workloads.pods(1, on=nodes[0], gated=True)
    pods[0].set_ready(True)
    bare, service = nodes[-1], load_balancer(workloads, externalTrafficPolicy="Local")
    vip = address()
    service.set_load_balancer(vip)
    targets = (service.node_target(bare, port), service.at(vip, port))
    both = (clients.pod(bare), clients.node(bare))
    ways = [(client, target) for target in targets for client in both]
    if mode == "ipvs":
        ways.remove((both[1], targets[1]))
    for client, target in ways:
        check.reaches(client, target, pods)
    pods[0].set_ready(False)
    for target in targets:
        check.refuses(both[0], target)
    pods[0].set_ready(True)
    for client, target in ways:
        check.reaches(client, target, pods)


@case("ETP-011", feature=("eTP", "health"), min_nodes=2, requires=OUTSIDE, reference=SERVICE)
def test_external_local_endpoint_moves(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """With externalTrafficPolicy Local a node's answers and health follow the endpoint there."""
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    service, outside = load_balancer(workloads, externalTrafficPolicy="Local"), clients.outside()
    port = health_port(service)
    for here, there in ((0, 1), (1, 0)) * 2:
        pods[here].set_ready(True)
        pods[there].set_ready(False)
        check.reaches(outside, service.node_target(nodes[here]), [pods[here]])
        check.silent(outside, service.node_target(nodes[there]))
        port.says(nodes[here], OK, local=1)
        port.says(nodes[there], UNAVAILABLE, local=0)
        check.reaches(clients.pod(nodes[there]), service.target(), [pods[here]])


@case("ETP-012", feature=("eTP", "health"), min_nodes=2, requires=OUTSIDE, reference=SERVICE)
def test_external_local_endpoint_unready(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """With externalTrafficPolicy Local a node without a ready endpoint is out, and back with it."""
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    for pod in pods:
        pod.set_ready(True)
    service, outside, here = (
        load_balancer(workloads, externalTrafficPolicy="Local"),
        clients.outside(),
        nodes[0],
    )
    port = health_port(service)
    check.reaches(outside, service.node_target(here), pods[:1])
    with check.meanwhile(outside, service.node_target(nodes[1])):
        for _ in range(2):
            pods[0].set_ready(False)
            check.silent(outside, service.node_target(here))
            port.says(here, UNAVAILABLE, local=0)
            pods[0].set_ready(True)
            check.reaches(outside, service.node_target(here), pods[:1])
            port.says(here, OK, local=1)


@case("ITP-005", feature="iTP", min_nodes=2, reference=POLICY)
def test_internal_local_endpoint_moves(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, mode: str
) -> None:
    """With internalTrafficPolicy Local a ClusterIP works where its endpoint is, wherever it goes.

    On the other node all is dropped, in IPVS mode refused, see ITP-002.
    """
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    target = workloads.service(internalTrafficPolicy="Local").target()
    for here, there in ((0, 1), (1, 0)) * 2:
        pods[here].set_ready(True)
        pods[there].set_ready(False)
        for client in (clients.pod(nodes[here]), clients.node(nodes[here])):
            check.reaches(client, target, [pods[here]])
        unanswered = check.refuses if mode == "ipvs" else check.drops
        unanswered(clients.pod(nodes[there]), target)


@case(
    "ITP-006",
    feature=("iTP", "hostNetwork"),
    min_nodes=2,
    requires=(*OUTSIDE, "host-network"),
    reference=f"{SERVICE}, internalTrafficPolicy=Local to a hostNetwork pod; {POLICY}",
)
def test_internal_local_host_network(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    host_port: Callable[[], int],
) -> None:
    """With internalTrafficPolicy Local pods and nodes reach the hostNetwork pod of their node."""
    number = host_port()
    serve = (f"tcp:{number}", f"udp:{number}")
    pods = workloads.pods(2, on=nodes[:2], host_network=True, serve=serve)
    ports = [
        {"name": name, "protocol": name.upper(), "port": 80, "targetPort": number}
        for name in ("tcp", "udp")
    ]
    service = workloads.service(type="NodePort", ports=ports, internalTrafficPolicy="Local")
    for node, pod in zip(nodes, pods, strict=False):
        for client in (clients.pod(node), clients.node(node)):
            for port in ("tcp", "udp"):
                check.reaches(client, service.target(port), [pod])
    check.reaches(clients.outside(), service.node_target(nodes[0]), pods)
