"""Traffic policies: Local keeps to the node's own endpoints, and from outside the source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.check import sources
from suites.load_balancing import load_balancer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Service, Workloads
    from suites.check import Check
    from suites.health_port import HealthPort

SERVICE = "k/k test/e2e/network/service.go"
POLICY = "KEP-2086; k/k pkg/proxy/topology.go"
OUTSIDE = ("outside-client",)


@case("ETP-001", feature=("eTP", "NAT"), min_nodes=2, requires=OUTSIDE, reference=SERVICE)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_local_keeps_the_source(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    port: str,
) -> None:
    """With externalTrafficPolicy Local a node's own endpoints answer, and see the client."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort", externalTrafficPolicy="Local")
    outside = clients.outside()
    own = partial(sources, allowed={outside.addresses[family]}, what="the client's own address")
    for node, pod in zip(nodes, pods, strict=False):
        check.reaches(outside, service.node_target(node, port), [pod], also=own)


@case("ETP-002", feature="eTP", min_nodes=2, requires=OUTSIDE, reference=SERVICE)
def test_external_local_without_endpoint(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, mode: str
) -> None:
    """With externalTrafficPolicy Local a node without an endpoint answers no outside client."""
    pods = workloads.pods(1, on=nodes[0])
    service = workloads.service(type="NodePort", externalTrafficPolicy="Local")
    bare, outside = nodes[-1], clients.outside()
    check.reaches(outside, service.node_target(nodes[0]), pods)
    # The node itself is always served; it shows that its kube-proxy knows the Service.
    check.reaches(clients.node(bare), service.node_target(bare), pods)
    if mode == "ipvs":
        # No rule drops it: endpoints elsewhere are taken, and their answer is discarded as it
        # comes from a strange address (syncEndpoint in pkg/proxy/ipvs/proxier.go, k/k #97081).
        check.silent(outside, service.node_target(bare))
    else:
        check.drops(outside, service.node_target(bare))


@case("ETP-004", feature=("eTP", "NAT"), min_nodes=2, requires=OUTSIDE, reference=SERVICE)
def test_external_policy_flips(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A NodePort follows its externalTrafficPolicy from Cluster to Local and back."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    outside, target = clients.outside(), service.node_target(nodes[0])
    address = {outside.addresses[family]}
    own = partial(sources, allowed=address, what="the client's own address")
    check.reaches(outside, target, pods)
    service.update(externalTrafficPolicy="Local")
    check.reaches(outside, target, pods[:1], also=own)
    service.update(externalTrafficPolicy="Cluster")
    attempts = check.reaches(outside, target, pods)
    assert not set(attempts.sources()) & address, "policy Cluster shows the client's own address"
    check.reaches(outside, service.node_target(nodes[-1]), pods)


@case("ETP-005", feature=("eTP", "health"), min_nodes=2, reference=SERVICE)
def test_health_check_node_port(
    workloads: Workloads, nodes: Sequence[Node], health_port: Callable[[Service], HealthPort]
) -> None:
    """HealthCheckNodePort says 200 and how many where endpoints are, 503 elsewhere."""
    service = load_balancer(workloads, externalTrafficPolicy="Local")
    port, here, there = health_port(service), nodes[0], nodes[-1]
    port.says(here, 503, local=0)
    pods = workloads.pods(2, on=here)
    port.says(here, 200, local=2)
    port.says(there, 503, local=0)
    pods[0].delete()
    port.says(here, 200, local=1)
    service.update(externalTrafficPolicy="Cluster")
    port.closed(here)


@case("ITP-001", feature="iTP", min_nodes=2, requires=OUTSIDE, reference=f"{SERVICE}; {POLICY}")
def test_internal_local(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """With internalTrafficPolicy Local a ClusterIP stays on the node, a NodePort does not."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort", internalTrafficPolicy="Local")
    for node, pod in zip(nodes, pods, strict=False):
        for client in (clients.pod(node), clients.node(node)):
            check.reaches(client, service.target(), [pod])
    check.reaches(clients.outside(), service.node_target(nodes[0]), pods)


@case("ITP-002", feature="iTP", min_nodes=2, reference=POLICY)
def test_internal_local_without_endpoint(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, mode: str
) -> None:
    """With internalTrafficPolicy Local a node without an endpoint answers neither pods nor itself.

    iptables and nftables mode drop. IPVS refuses, since the virtual server has no endpoint: those
    of other nodes, to which syncEndpoint would fall back (k/k #97081), are not categorised for a
    Service that is reached from inside only (UsesClusterEndpoints in k/k pkg/proxy/serviceport.go).
    """
    pods = workloads.pods(1, on=nodes[0], gated=True)
    target = workloads.service(internalTrafficPolicy="Local").target()
    pods[0].set_ready(True)
    check.reaches(clients.pod(nodes[0]), target, pods)
    for client in (clients.pod(nodes[-1]), clients.node(nodes[-1])):
        unanswered = check.refuses if mode == "ipvs" else check.drops
        unanswered(client, target)
    # Without an endpoint anywhere it is refused, here as well.
    pods[0].set_ready(False)
    check.refuses(clients.pod(nodes[-1]), target)
