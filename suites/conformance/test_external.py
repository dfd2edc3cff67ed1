"""externalIPs: addresses that kube-proxy routes on every node, though they are nobody's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.check import sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"
OUTSIDE = ("outside-client", "outside-route")


@case(
    "EXT-001",
    feature="ExternalIP",
    min_nodes=2,
    requires=OUTSIDE,
    reference=f"{SERVICE}, via ExternalIP",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_ip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
    port: str,
) -> None:
    """An externalIP reaches all endpoints from nodes, their pods and outside, by every node."""
    pods = workloads.pods(2, on=nodes[:2])
    external = address()
    target = workloads.service(externalIPs=[external]).at(external, port)
    for node in nodes:
        for client in (clients.pod(node), clients.node(node), entry.by(node, external)):
            check.reaches(client, target, pods, count=1)


@case(
    "EXT-002",
    feature=("ExternalIP", "eTP"),
    min_nodes=2,
    requires=OUTSIDE,
    reference="k/k #121909",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_ip_with_local_policy(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    mode: str,
    address: Callable[[], str],
    entry: Entry,
    port: str,
) -> None:
    """With externalTrafficPolicy Local an externalIP keeps the source, where endpoints are."""
    pods, external, bare = workloads.pods(1, on=nodes[0]), address(), nodes[-1]
    service = workloads.service(externalIPs=[external], externalTrafficPolicy="Local")
    target, outside = service.at(external, port), entry.by(nodes[0], external)
    own = partial(sources, allowed={outside.addresses[family]}, what="the client's own address")
    check.reaches(outside, target, pods, also=own)
    # A node's own pods are served as with policy Cluster, and so show that it knows the address.
    check.reaches(clients.pod(bare), target, pods)
    entry.by(bare, external)
    if mode == "ipvs":
        # Endpoints elsewhere are taken and their answer is discarded (k/k #97081), see ETP-002.
        check.silent(outside, target)
    else:
        check.drops(outside, target)
    service.update(externalTrafficPolicy="Cluster")
    check.reaches(outside, target, pods)


@case("EXT-003", feature="ExternalIP", requires=OUTSIDE, reference="k/k pkg/proxy/serviceport.go")
def test_external_ips_change(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """ExternalIPs work as soon and only as long as they are listed; the ClusterIP always does."""
    pods, service = workloads.pods(2, on=nodes[:2]), workloads.service()
    first, second = address(), address()
    entry.by(nodes[0], second)
    asked = (clients.pod(nodes[0]), clients.node(nodes[0]), entry.by(nodes[0], first))
    check.reaches(asked[0], service.target(), pods)
    with check.meanwhile(asked[0], service.target()):
        for listed in ([first], [second], [second, first], []):
            service.update(externalIPs=listed)
            for client in asked:
                for external in listed:
                    check.reaches(client, service.at(external), pods)
                for external in {first, second}.difference(listed):
                    check.silent(client, service.at(external))
