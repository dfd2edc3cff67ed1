"""externalIPs: addresses that kube-proxy routes on every node, though they are nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.known_bugs import EXTERNAL_IPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.local_policy import LocalPolicy

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
    known_bug=EXTERNAL_IPS,
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_ip_with_local_policy(
    workloads: Workloads,
    nodes: Sequence[Node],
    address: Callable[[], str],
    local_policy: LocalPolicy,
    port: str,
) -> None:
    """With externalTrafficPolicy Local an externalIP keeps the source, where endpoints are."""
    pods, external = workloads.pods(1, on=nodes[0]), address()
    service = workloads.service(externalIPs=[external], externalTrafficPolicy="Local")
    local_policy.holds(service, external, port, pods)


@case(
    "EXT-003",
    slow=True,
    feature="ExternalIP",
    requires=OUTSIDE,
    reference="k/k pkg/proxy/serviceport.go",
)
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
