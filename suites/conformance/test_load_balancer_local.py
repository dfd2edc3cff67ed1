"""Load balancers' VIPs with policy Local, their health checks, and ranges written by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.answers import Answers
from suites.load_balancing import load_balancer, only_from

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.surroundings import Entry, NodeAddresses
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.local_policy import LocalPolicy

LOCAL = "k/k test/e2e/network/loadbalancer.go, externalTrafficPolicy=Local"
OUTSIDE = ("outside-client", "outside-route")


@case(
    "LB-013",
    feature=("LoadBalancer", "eTP", "NAT"),
    level="extended",
    min_nodes=2,
    requires=OUTSIDE,
    reference=LOCAL,
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_vip_with_local_policy(
    workloads: Workloads,
    nodes: Sequence[Node],
    address: Callable[[], str],
    local_policy: LocalPolicy,
    port: str,
) -> None:
    """With externalTrafficPolicy Local a VIP keeps the source, and only where endpoints are."""
    pods, vip = workloads.pods(1, on=nodes[0]), address()
    service = load_balancer(workloads, vip, externalTrafficPolicy="Local")
    local_policy.holds(service, vip, port, pods)


@case(
    "LB-014",
    feature=("LoadBalancer", "health"),
    level="extended",
    modes=("ipvs",),
    min_nodes=2,
    reference="k/k pkg/proxy/ipvs/proxier.go, KUBE-IPVS-FILTER; #113483",
)
def test_health_check_at_the_vip(
    workloads: Workloads,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    check: Check,
    address: Callable[[], str],
) -> None:
    """Where nodes have the VIP as an address, the Service's health check answers there as well."""
    vip, answers = address(), Answers(cluster, recorder)
    workloads.pods(1, on=nodes[0])
    service = load_balancer(workloads, vip, externalTrafficPolicy="Local")
    number = service.spec["healthCheckNodePort"]
    for node, status in ((nodes[0], 200), (nodes[-1], 503)):
        check.until(
            f"the health check of {node.name} says {status} at {vip}",
            partial(answers.judge, node, vip, number, status=status),
            within=check.timeouts.programmed,
        )


@case(
    "LB-015",
    feature=("LoadBalancer", "eTP"),
    level="extended",
    modes=("iptables", "nftables"),
    min_nodes=2,
    requires=(*OUTSIDE, "node-access"),
    reference="k/k pkg/proxy/iptables/proxier.go, masquerade LOCAL traffic",
    disruptive=True,
)
def test_node_that_has_the_vip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
    node_addresses: NodeAddresses,
) -> None:
    """A node whose own address a VIP of policy Local is reaches all endpoints, also elsewhere."""
    pods, node = workloads.pods(2, on=nodes[:2]), nodes[0]
    vip = node_addresses.give(node, address())
    service = load_balancer(workloads, vip, externalTrafficPolicy="Local")
    for client in (clients.pod(node), clients.node(node)):
        check.reaches(client, service.at(vip), pods)
    check.reaches(entry.by(node, vip), service.at(vip), pods[:1])


@case(
    "LB-016",
    feature="sourceRanges",
    level="extended",
    requires=OUTSIDE,
    reference="k/k pkg/proxy/serviceport.go, newBaseServiceInfo",
)
def test_padded_source_ranges(
    workloads: Workloads,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """A source range written with spaces around it, which the API allows, is that range."""
    vip, node = address(), nodes[0]
    pods = workloads.pods(2, on=nodes[:2])
    pair = entry.by(node, vip), entry.by(node, vip, 1)
    service = load_balancer(workloads, vip)
    for welcome, other in (pair, pair[::-1]):
        [listed] = only_from(welcome.addresses[family])["loadBalancerSourceRanges"]
        service.update(loadBalancerSourceRanges=[f"  {listed} "])
        check.reaches(welcome, service.at(vip), pods)
        check.drops(other, service.at(vip))
