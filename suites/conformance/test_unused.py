"""Ports and addresses of a Service network that no Service has: nobody answers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.clients import Target
from fixtures.tracked import flows_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.clients import Protocol
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

FILTERS = "k/k pkg/proxy/ipvs KUBE-IPVS-FILTER; nftables cluster-ips-check; k/k #22952"


@case("SVC-029", feature="reject", reference=FILTERS, slow=True)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_unused_port(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    protocol: Protocol,
) -> None:
    """A port that a ClusterIP lacks is refused, in iptables mode unanswered, until it is added."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service()
    used, unused = service.target(protocol), Target(service.cluster_ip, 81, protocol)
    more = {"name": "more", "port": 81, "targetPort": 8080, "protocol": protocol.upper()}
    # iptables has rules for what exists only: the rest leaves by the default route.
    unanswered = check.silent if mode == "iptables" else check.refuses
    for client in (clients.pod(nodes[0]), clients.node(nodes[0])):
        check.reaches(client, used, pods)
        unanswered(client, unused)
        ports = service.spec["ports"]
        service.update(ports=[*ports, more])
        check.reaches(client, unused, pods)
        service.update(ports=ports)
        unanswered(client, unused)
        check.reaches(client, used, pods)


@case(
    "SVC-030",
    feature="drop",
    modes=("nftables",),
    requires=("node-access", "outside-client"),
    reference="k/k pkg/proxy/nftables/proxier.go, drop traffic to unallocated ClusterIPs",
)
def test_unallocated_address(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
) -> None:
    """Packets to an address of the ServiceCIDR that no Service has are dropped on their node."""
    pods = workloads.pods(1, on=nodes[0])
    service, elsewhere = workloads.service(), clients.outside().addresses[family]
    target, both = service.target(), (clients.pod(nodes[0]), clients.node(nodes[0]))
    for client in both:
        check.reaches(client, target, pods)
    service.delete()
    for client in both:
        check.drops(client, target)
    # What leaves the node is seen to leave it. In TCP a refusal would end the entry at once
    # (nf_conntrack_tcp_packet in net/netfilter/nf_conntrack_proto_tcp.c).
    check.refuses(both[0], Target(elsewhere, 9, "udp"))
    assert flows_to(cluster, nodes[0], elsewhere), "the node tracks no flow to an outside client"
    left = [line for line in flows_to(cluster, nodes[0], target.host) if "UNREPLIED" in line]
    assert not left, f"packets to {target.host} left {nodes[0].name}: {left[0]}"


@case(
    "SVC-031",
    feature="security",
    requires=("host-network",),
    reference="k/k #72236, #108460; k/k pkg/proxy/ipvs KUBE-IPVS-FILTER",
)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_host_daemon(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    mode: str,
    protocol: Protocol,
    host_port: Callable[[], int],
) -> None:
    """A daemon that listens on all addresses of a node is not reached through a ClusterIP."""
    number = host_port()
    daemon = workloads.pods(
        1, on=nodes[0], app="daemon", serve=[f"{protocol}:{number}"], host_network=True
    )
    pods = workloads.pods(1, on=nodes[0])
    service = workloads.service()
    own = Target(nodes[0].addresses[family], number, protocol)
    unanswered = check.silent if mode == "iptables" else check.refuses
    for client in (clients.pod(nodes[0]), clients.node(nodes[0])):
        check.reaches(client, service.target(protocol), pods)
        check.reaches(client, own, daemon, count=5)
        unanswered(client, Target(service.cluster_ip, number, protocol))
