"""Load balancers' VIPs, which every node takes for its own Services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.load_balancing import CLASS, load_balancer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE_PORT = "k/k pkg/proxy/serviceport.go"
OUTSIDE = ("outside-client", "outside-route")


@case("LB-001", feature="LoadBalancer", min_nodes=2, requires=OUTSIDE, reference=SERVICE_PORT)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_vip_without_detour(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
    port: str,
) -> None:
    """Nodes and their pods reach a VIP without leaving the cluster, and outside by every node."""
    pods, vip = workloads.pods(2, on=nodes[:2]), address()
    target = load_balancer(workloads, vip).at(vip, port)
    for node in nodes:
        for client in (clients.pod(node), clients.node(node), entry.by(node, vip)):
            check.reaches(client, target, pods, count=1)


@case("LB-002", feature="LoadBalancer", requires=("node-access",), reference="KEP-1860, ipMode")
def test_vip_of_a_proxying_load_balancer(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    cluster: Cluster,
    address: Callable[[], str],
) -> None:
    """A VIP of ipMode Proxy is the load balancer's own: no node takes it, until it is VIP."""
    pods, vip, node = workloads.pods(2, on=nodes[:2]), address(), nodes[0]
    service = load_balancer(workloads, vip, mode="Proxy")
    for mode in ("Proxy", "VIP", "Proxy"):
        service.set_load_balancer(vip, mode=mode)
        # The NodePort shows that the node knows the Service.
        check.reaches(clients.node(node), service.node_target(node), pods)
        for client in (clients.pod(node), clients.node(node)):
            if mode == "VIP":
                check.reaches(client, service.at(vip), pods)
            else:
                check.silent(client, service.at(vip))
    shown = cluster.run(node, ["ip", "address", "show", "to", vip]).stdout
    assert not shown, f"{node.name} has the address of a proxying load balancer: {shown.strip()}"


@case("LB-003", feature="LoadBalancer", requires=OUTSIDE, reference=SERVICE_PORT)
def test_vip_taken_away(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """A VIP that is gone from the status is nobody's any more; the ClusterIP works on."""
    pods, vip = workloads.pods(2, on=nodes[:2]), address()
    service = load_balancer(workloads, vip)
    asked = (clients.pod(nodes[0]), clients.node(nodes[0]), entry.by(nodes[0], vip))
    for client in asked:
        check.reaches(client, service.at(vip), pods)
    with check.meanwhile(asked[0], service.target()):
        service.set_load_balancer()
        for client in asked:
            check.silent(client, service.at(vip))


@case(
    "LB-004",
    feature=("LoadBalancer", "NodePort"),
    requires=OUTSIDE,
    reference="KEP-1864, allocateLoadBalancerNodePorts",
)
def test_vip_without_node_port(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """A VIP works without a NodePort, and on while the Service gets one and gives it back."""
    pods, vip, node = workloads.pods(2, on=nodes[:2]), address(), nodes[0]
    service = load_balancer(workloads, vip, allocateLoadBalancerNodePorts=False)
    ports = service.spec["ports"]
    assert not any(port.get("nodePort") for port in ports), f"a NodePort was allocated: {ports}"
    outside = entry.by(node, vip)
    for client in (clients.pod(node), clients.node(node), outside):
        check.reaches(client, service.at(vip), pods)
    with check.meanwhile(outside, service.at(vip)):
        service.update(allocateLoadBalancerNodePorts=True)
        target = service.node_target(node)
        check.reaches(outside, target, pods)
        without = [{**port, "nodePort": 0} for port in ports]
        service.update(allocateLoadBalancerNodePorts=False, ports=without)
        check.refuses(outside, target)


@case("LB-007", feature=("LoadBalancer", "ports"), requires=OUTSIDE, reference="KEP-1435")
def test_mixed_protocols(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """TCP and UDP share a VIP's port, and one goes and comes without touching the other."""
    pods, vip = workloads.pods(2, on=nodes[:2]), address()
    service = load_balancer(workloads, vip)
    asked = (entry.by(nodes[0], vip), clients.pod(nodes[0]))
    tcp, udp = service.at(vip, "tcp"), service.at(vip, "udp")
    both = service.spec["ports"]
    for left, kept, gone in (("tcp", tcp, udp), ("udp", udp, tcp)):
        for client in asked:
            check.reaches(client, tcp, pods)
            check.reaches(client, udp, pods)
        with check.meanwhile(asked[0], kept):
            service.update(ports=[port for port in both if port["name"] == left])
            for client in asked:
                check.silent(client, gone)
            service.update(ports=both)
            check.reaches(asked[0], gone, pods)


@case("LB-009", feature="LoadBalancer", level="extended", requires=OUTSIDE, reference=SERVICE_PORT)
def test_vip_replaced(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """A Service follows its load balancer from one VIP to another and back, and to both."""
    pods, vips = workloads.pods(2, on=nodes[:2]), (address(), address())
    service = load_balancer(workloads)
    for vip in vips:
        entry.by(nodes[0], vip)
    asked = (clients.pod(nodes[0]), clients.node(nodes[0]), clients.outside())
    for present in (vips[:1], vips[1:], vips[:1], vips):
        service.set_load_balancer(*present)
        for client in asked:
            for vip in present:
                check.reaches(client, service.at(vip), pods)
            for vip in set(vips).difference(present):
                check.silent(client, service.at(vip))


@case(
    "LB-010",
    feature=("LoadBalancer", "lifecycle"),
    level="extended",
    requires=OUTSIDE,
    reference="k/k test/e2e/network/loadbalancer.go, change the type",
)
def test_type_changes(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """VIP and NodePort come and go with the Service's type; the ClusterIP works throughout."""
    pods, vip, node = workloads.pods(2, on=nodes[:2]), address(), nodes[0]
    service = workloads.service()
    inside, outside = clients.pod(node), entry.by(node, vip)
    check.reaches(inside, service.target(), pods)
    with check.meanwhile(inside, service.target()):
        service.update(type="LoadBalancer", loadBalancerClass=CLASS)
        service.set_load_balancer(vip)
        target = service.node_target(node)
        check.reaches(outside, service.at(vip), pods)
        check.reaches(outside, target, pods)
        service.update(type="NodePort", loadBalancerClass=None)
        service.set_load_balancer()
        check.silent(outside, service.at(vip))
        check.silent(inside, service.at(vip))
        check.reaches(outside, target, pods)
        service.update(type="ClusterIP")
        check.refuses(outside, target)
        service.update(type="NodePort")
        check.reaches(outside, service.node_target(node), pods)
