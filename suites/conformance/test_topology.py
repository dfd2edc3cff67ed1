"""Topology hints: traffic stays in the zone or on the node where that leaves nobody unserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.zones import in_zone, moved, zone_of
from suites.hints import TCP, by_hand, hinted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.workloads import Pod, Service, Workloads
    from suites.check import Check

TOPOLOGY = "k/k pkg/proxy/topology.go"
TRAFFIC = "k/k test/e2e/network/traffic_distribution.go"
BY_HAND = ("hand-made-endpoints",)


def both(clients: Clients, service: Service, check: Check) -> Callable[[Node, Sequence[Pod]], None]:
    """Return a check that a node and its pods reach exactly some pods."""

    def reach(node: Node, pods: Sequence[Pod]) -> None:
        for client in (clients.pod(node), clients.node(node)):
            check.reaches(client, service.target(), pods)

    return reach


@case("TOP-001", feature="topology", level="extended", min_nodes=2, since="1.31", reference=TRAFFIC)
@pytest.mark.parametrize("distribution", ["PreferClose", "PreferSameZone"])
def test_stays_in_the_zone(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    distribution: str,
) -> None:
    """With PreferSameZone a client reaches only the endpoints of its zone, without it all."""
    pods = workloads.pods(4, on=nodes[:2])
    service = workloads.service(trafficDistribution=distribution)
    reach = both(clients, service, check)
    for node in nodes[:2]:
        reach(node, in_zone(kube, pods, zone_of(kube, node.name)))
    service.update(trafficDistribution=None)
    for node in nodes[:2]:
        reach(node, pods)


@case("TOP-002", feature="topology", level="extended", min_nodes=2, since="1.31", reference=TRAFFIC)
def test_zone_without_endpoints(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A zone without an endpoint is served by all others, until it gets one and after."""
    pods = workloads.pods(2, on=nodes[0])
    service = workloads.service(trafficDistribution="PreferClose")
    reach = both(clients, service, check)
    reach(nodes[1], pods)
    near = workloads.pods(1, on=nodes[1])
    reach(nodes[1], near)
    reach(nodes[0], pods)
    near[0].delete()
    reach(nodes[1], pods)


@case(
    "TOP-003",
    feature="topology",
    level="extended",
    min_nodes=2,
    since="1.34",
    requires=BY_HAND,
    reference=f"KEP-3015; {TOPOLOGY}",
)
def test_same_node_then_zone_then_all(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
) -> None:
    """PreferSameNode goes to the node's endpoints, without any to its zone's, then to all."""
    here, there = nodes[0], nodes[1]
    pods = workloads.pods(4, on=[here, there])
    own, close, *far = (pods[0], pods[2], *pods[1::2])
    home, away = zone_of(kube, here.name), "zone-of-nobody"
    service = by_hand(workloads)
    reach = both(clients, service, check)
    # The hints alone decide, wherever the pods really are.
    entries = [hinted(pod, family, zone=away, node=there.name) for pod in far]
    near = hinted(close, family, zone=home, node=there.name)
    local = hinted(own, family, zone=home, node=here.name)
    for endpoints, reached in (
        ([*entries, near, local], [own]),
        ([*entries, near], [close]),
        (entries, far),
        ([*entries, near, local], [own]),
    ):
        service.set_endpoints(endpoints, ports=TCP)
        reach(here, reached)


@case(
    "TOP-004",
    feature="topology",
    level="extended",
    min_nodes=2,
    since="1.31",
    requires=BY_HAND,
    reference=TOPOLOGY,
)
def test_missing_hint(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
) -> None:
    """When one endpoint has no hint, all hints are ignored, until it has one."""
    pods = workloads.pods(4, on=nodes[:2])
    service = by_hand(workloads)
    reach = both(clients, service, check)
    zones = {node.name: zone_of(kube, node.name) for node in nodes}
    whole = [hinted(pod, family, zone=zones[pod.node]) for pod in pods]
    for endpoints in (whole, [*whole[:3], hinted(pods[3], family)], whole):
        service.set_endpoints(endpoints, ports=TCP)
        for node in nodes[:2]:
            reach(node, in_zone(kube, pods, zones[node.name]) if endpoints is whole else pods)


@case(
    "TOP-009",
    feature="topology",
    level="extended",
    min_nodes=2,
    since="1.34",
    requires=BY_HAND,
    reference=f"KEP-3015; {TOPOLOGY}",
)
def test_missing_hint_for_a_node(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """When one endpoint has no hint for a node, whichever it is on, all such hints are ignored."""
    pods = workloads.pods(4, on=nodes[:2])
    service = by_hand(workloads)
    reach = both(clients, service, check)
    whole = [hinted(pod, family, node=pod.node) for pod in pods]
    for missing in (0, 1):
        without = [*whole[:missing], hinted(pods[missing], family), *whole[missing + 1 :]]
        for endpoints in (whole, without):
            service.set_endpoints(endpoints, ports=TCP)
            for node in nodes[:2]:
                own = [pod for pod in pods if pod.node == node.name]
                reach(node, own if endpoints is whole else pods)


@case(
    "TOP-005",
    feature=("topology", "endpoints"),
    level="extended",
    min_nodes=2,
    since="1.31",
    requires=BY_HAND,
    reference=f"k/k #106507; {TOPOLOGY}",
)
def test_unready_hinted_endpoint(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
) -> None:
    """Endpoints that are not ready, and their hints, count for nothing."""
    pods = workloads.pods(3, on=nodes[:2])
    here = nodes[0]
    near, far, other = pods
    home, away = zone_of(kube, here.name), zone_of(kube, nodes[1].name)
    service = by_hand(workloads)
    reach = both(clients, service, check)
    entries = [hinted(far, family, zone=away), hinted(other, family, ready=False)]
    for ready in (True, False, True):
        service.set_endpoints([hinted(near, family, zone=home, ready=ready), *entries], ports=TCP)
        reach(here, [near] if ready else [far])


@case(
    "TOP-006",
    feature="topology",
    level="extended",
    min_nodes=2,
    since="1.31",
    requires=("node-access",),
    reference="k/k pkg/proxy/config/config.go, NodeTopologyConfig",
    disruptive=True,
)
def test_node_changes_its_zone(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
) -> None:
    """A node whose zone label changes, goes or comes back is served by the endpoints for that."""
    pods = workloads.pods(2, on=nodes[:2])
    here = nodes[0]
    home, away = (zone_of(kube, node.name) for node in nodes[:2])
    service = by_hand(workloads)
    reach = both(clients, service, check)
    entries = [hinted(pods[0], family, zone=home), hinted(pods[1], family, zone=away)]
    service.set_endpoints(entries, ports=TCP)
    reach(here, pods[:1])
    with moved(kube, here.name) as move:
        for zone, reached in ((away, pods[1:]), (None, pods), (away, pods[1:])):
            move(zone)
            reach(here, reached)
    reach(here, pods[:1])
