"""External addresses that kube-proxy itself routes: externalIPs and load balancers' VIPs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Service, Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"

EXTERNAL = {"ipv4": "203.0.113.10", "ipv6": "2001:db8:113::10"}
VIP = {"ipv4": "203.0.113.20", "ipv6": "2001:db8:113::20"}
"""Addresses for documentation (RFC 5737, RFC 3849): no route in the cluster leads to them."""


def load_balancer(workloads: Workloads, vip: str) -> Service:
    """Return a Service whose load balancer is the case itself."""
    service = workloads.service(type="LoadBalancer", loadBalancerClass="proxyproof.dev/by-hand")
    service.set_load_balancer(vip)
    return service


@case("EXT-001", feature="ExternalIP", min_nodes=2, reference=f"{SERVICE}, via ExternalIP")
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_ip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    port: str,
) -> None:
    """An externalIP reaches all endpoints from every node and its pods, though it is nobody's."""
    pods = workloads.pods(2, on=nodes[:2])
    target = workloads.service(externalIPs=[EXTERNAL[family]]).at(EXTERNAL[family], port)
    for node in nodes:
        for client in (clients.pod(node), clients.node(node)):
            check.reaches(client, target, pods, count=1)


@case("LB-001", feature="LoadBalancer", min_nodes=2, reference="k/k pkg/proxy/serviceport.go")
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_vip_without_detour(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    port: str,
) -> None:
    """Pods and nodes reach a load balancer's VIP without leaving the cluster for it."""
    pods = workloads.pods(2, on=nodes[:2])
    target = load_balancer(workloads, VIP[family]).at(VIP[family], port)
    for node in nodes:
        for client in (clients.pod(node), clients.node(node)):
            check.reaches(client, target, pods, count=1)


@case("LB-003", feature="LoadBalancer", reference="k/k pkg/proxy/serviceport.go")
def test_vip_taken_away(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A VIP that is gone from the status is nobody's any more; the ClusterIP works on."""
    pods = workloads.pods(2, on=nodes[:2])
    service = load_balancer(workloads, VIP[family])
    both = (clients.pod(nodes[0]), clients.node(nodes[0]))
    for client in both:
        check.reaches(client, service.at(VIP[family]), pods)
    with check.meanwhile(both[0], service.target()):
        service.set_load_balancer()
        for client in both:
            check.silent(client, service.at(VIP[family]))
