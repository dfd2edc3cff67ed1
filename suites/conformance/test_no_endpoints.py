"""A Service without endpoints refuses at once, so that clients need not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.eviction import evict
from suites.load_balancing import load_balancer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check

REJECTED = "k/k test/e2e/network/service.go, be rejected when no endpoints exist"


@case("NEP-001", feature="reject", reference=REJECTED)
def test_tcp_is_refused(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """TCP connections to a Service without endpoints are refused, to pods and to nodes."""
    target = workloads.service().target("tcp")
    for client in (clients.pod(nodes[0]), clients.node(nodes[0])):
        check.refuses(client, target)


@case("NEP-002", feature="reject", reference=REJECTED)
def test_udp_port_is_unreachable(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """UDP datagrams to a Service without endpoints are answered by ICMP port unreachable."""
    target = workloads.service().target("udp")
    for client in (clients.pod(nodes[0]), clients.node(nodes[0])):
        check.refuses(client, target)


@case("NEP-003", feature=("reject", "NodePort"), requires=("outside-client",), reference=REJECTED)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_node_port_is_refused(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """A NodePort whose Service has lost its endpoints refuses clients outside the cluster."""
    # The pod lives on: a dead one's kernel refuses as well, for a moment.
    pods = workloads.pods(1, on=nodes[0], gated=True)
    service = workloads.service(type="NodePort")
    targets = [service.node_target(node, port) for node in nodes]
    pods[0].set_ready(True)
    for target in targets:
        check.reaches(clients.outside(), target, pods, count=10)
    pods[0].set_ready(False)
    for target in targets:
        check.refuses(clients.outside(), target)


@case(
    "NEP-004",
    feature="reject",
    requires=("hand-made-status",),
    reference="k/k test/e2e/network/service.go, evicted pods; k/k #109414, #109718",
)
@pytest.mark.parametrize("publish", [False, True], ids=["ready", "publish not ready"])
def test_evicted_pod_is_no_endpoint(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    *,
    publish: bool,
) -> None:
    """A Service whose only pod was evicted refuses, even if it publishes unready addresses."""
    pods = workloads.pods(1, on=nodes[0])
    client, service = clients.pod(nodes[0]), workloads.service(publishNotReadyAddresses=publish)
    for port in ("tcp", "udp"):
        check.reaches(client, service.target(port), pods)
    # Its agent lives on, as a stranger would that has got the address since: it would answer.
    evict(pods[0])
    for port in ("tcp", "udp"):
        check.refuses(client, service.target(port))
    more = workloads.pods(1, on=nodes[0])
    check.reaches(client, service.target(), more)


@case(
    "NEP-006",
    feature=("reject", "ExternalIP", "LoadBalancer"),
    min_nodes=2,
    requires=("outside-client", "outside-route"),
    reference="k/k pkg/proxy/iptables KUBE-EXTERNAL-SERVICES; nftables no-endpoint-services",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
@pytest.mark.parametrize("kind", ["ExternalIP", "LoadBalancer"])
def test_external_address_is_refused(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
    mode: str,
    kind: str,
    port: str,
) -> None:
    """An address from outside whose Service has lost its endpoints refuses by every node.

    The kernel has no say here as it has at a NodePort: the address is nobody's, but in IPVS mode.
    iptables mode asks only what enters a node (KUBE-EXTERNAL-SERVICES in INPUT and FORWARD), so
    there the node's own attempts leave it.
    """
    pods, external = workloads.pods(1, on=nodes[0], gated=True), address()
    if kind == "LoadBalancer":
        service = load_balancer(workloads, external)
    else:
        service = workloads.service(externalIPs=[external])
    pods[0].set_ready(True)
    target = service.at(external, port)
    for node in nodes[:2]:
        check.reaches(entry.by(node, external), target, pods)
    pods[0].set_ready(False)
    for node in nodes[:2]:
        check.refuses(entry.by(node, external), target)
        check.refuses(clients.pod(node), target)
    by_itself = check.silent if mode == "iptables" else check.refuses
    by_itself(clients.node(nodes[0]), target)
