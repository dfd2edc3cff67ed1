"""loadBalancerSourceRanges: who may use a VIP, wherever he stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.load_balancing import EVERYBODY, kept_out, load_balancer, only_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry, NodeAddresses
    from fixtures.workloads import Workloads
    from suites.check import Check

RANGES = "k/k test/e2e/network/loadbalancer.go, loadBalancerSourceRanges"
OUTSIDE = ("outside-client", "outside-route")


@case(
    "LB-005",
    slow=True,
    feature="sourceRanges",
    requires=OUTSIDE,
    reference=f"{RANGES}; k/k #122614",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_source_ranges(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
    port: str,
) -> None:
    """Who is in no range is dropped at the VIP, and not at the NodePort; who is in one is served.

    NodePorts are left out "for better or for worse" (k/k pkg/proxy/iptables/proxier.go).
    """
    pods, vip, node = workloads.pods(2, on=nodes[:2]), address(), nodes[0]
    welcome, other = entry.by(node, vip), entry.by(node, vip, 1)
    service = load_balancer(workloads, vip, **only_from(welcome.addresses[family]))
    target = service.at(vip, port)
    check.reaches(welcome, target, pods)
    for client in (other, clients.pod(node)):
        check.drops(client, target)
    check.reaches(other, service.node_target(node, port), pods)
    check.reaches(clients.pod(node), service.target(port), pods)
    service.update(**only_from(other.addresses[family], clients.pod(node).addresses[family]))
    for client in (other, clients.pod(node)):
        check.reaches(client, target, pods)
    check.drops(welcome, target)


@case(
    "LB-006",
    slow=True,
    feature="sourceRanges",
    min_nodes=2,
    requires=OUTSIDE,
    reference="k/k #109826",
)
def test_source_ranges_of_two_vips(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """A range with a node in it lets that node, and nobody else, use each of two VIPs."""
    pods, vips, node = workloads.pods(2, on=nodes[:2]), (address(), address()), nodes[0]
    some = only_from(node.addresses[family])
    service = load_balancer(workloads, *vips, **some)
    outside = clients.outside()
    others = (outside, clients.pod(node), clients.node(nodes[-1]))
    for vip in vips:
        entry.by(node, vip)
        check.reaches(clients.node(node), service.at(vip), pods)
        for client in kept_out(some, others, family):
            check.drops(client, service.at(vip))
    service.update(**only_from(outside.addresses[family]))
    for vip in vips:
        check.reaches(outside, service.at(vip), pods)
        # IPVS let nodes in always until 1.29 (k/k #119656).
        check.drops(clients.node(node), service.at(vip))


@case("LB-011", feature="sourceRanges", level="extended", requires=OUTSIDE, reference=RANGES)
@pytest.mark.parametrize("how", ["an empty list", "a range of all addresses"])
def test_source_ranges_lifted(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
    how: str,
) -> None:
    """Without ranges, or with one of all addresses, everybody is served; and again only some."""
    pods, vip, node = workloads.pods(2, on=nodes[:2]), address(), nodes[0]
    welcome, other = entry.by(node, vip), entry.by(node, vip, 1)
    everybody = (welcome, other, clients.pod(node), clients.node(node))
    some = only_from(welcome.addresses[family])
    service = load_balancer(workloads, vip, **some)
    check.reaches(welcome, service.at(vip), pods)
    with check.meanwhile(welcome, service.at(vip), in_one_sync=True):
        for _ in range(2):
            for client in everybody[1:]:
                check.drops(client, service.at(vip))
            service.update(**(EVERYBODY if "all" in how else {"loadBalancerSourceRanges": []}))
            for client in everybody:
                check.reaches(client, service.at(vip), pods)
            service.update(**some)


@case(
    "LB-012",
    feature="sourceRanges",
    level="extended",
    requires=(*OUTSIDE, "node-access"),
    reference="k/k pkg/proxy/iptables/proxier.go, allowFromNode",
    disruptive=True,
)
def test_source_ranges_on_the_node_that_has_the_vip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
    node_addresses: NodeAddresses,
) -> None:
    """A node in a range may use a VIP that is an address of its own, from which it then comes."""
    pods, node = workloads.pods(2, on=nodes[:2]), nodes[0]
    vip = node_addresses.give(node, address())
    outside, itself = entry.by(node, vip), clients.node(node)
    service = load_balancer(workloads, vip, **only_from(node.addresses[family]))
    check.reaches(itself, service.at(vip), pods)
    check.drops(outside, service.at(vip))
    service.update(**only_from(outside.addresses[family]))
    check.reaches(outside, service.at(vip), pods)
    check.drops(itself, service.at(vip))
