"""Whose address backends see, by the ways of kube-proxy to tell a pod from a stranger."""

from __future__ import annotations

import string
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.case import case
from fixtures.reconfigure import reconfigured
from suites.check import sources
from suites.judges import seen_as
from suites.known_bugs import INTERFACE_PREFIX
from suites.oracles.verdict import require
from suites.routes import pod_interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Service, Workloads
    from suites.check import Check

DETECT = "k/k cmd/kube-proxy/app/server_linux.go, getLocalDetectors"
RESTART = ("proxy-restart",)
OUTSIDE = ("outside-client",)
MASQUERADE_ALL = {"iptables": {"masqueradeAll": True}, "nftables": {"masqueradeAll": True}}
"""In IPVS mode it is the field of iptables that counts."""

DETECTORS = ("ClusterCIDR", "NodeCIDR", "BridgeInterface")


@case(
    "NAT-001",
    feature=("NAT", "ClusterIP"),
    level="extended",
    min_nodes=2,
    requires=RESTART,
    reference="k/k pkg/proxy/iptables/proxier.go",
    disruptive=True,
)
def test_masquerade_all(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
) -> None:
    """With masqueradeAll a backend elsewhere sees the node, without it the client's pod."""
    here = nodes[0]
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(here), workloads.service()
    own = {pod.identity: client.addresses[family] for pod in pods}
    with reconfigured(cluster, [here], MASQUERADE_ALL):
        for port in ("tcp", "udp"):
            attempts = check.reaches(client, service.target(port), pods)
            elsewhere = attempts.where(backend=pods[1].identity)
            require(sources(elsewhere, {here.addresses[family]}, "the client's node"))
            assert client.addresses[family] not in attempts.sources(), "it was not masqueraded"
    attempts = check.reaches(client, service.target(), pods)
    require(seen_as(attempts, own, "the client's pod"))


def from_outside(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    entry: Entry,
    check: Check,
    family: Family,
) -> None:
    """Judge that pods keep their address at a ClusterIP, and that a stranger shows the node's."""
    here = nodes[0]
    pods = workloads.pods(2, on=nodes[:2])
    service: Service = workloads.service()
    client, outside = clients.pod(here), entry.by(here, service.cluster_ip)
    kept = partial(sources, allowed={client.addresses[family]}, what="the client's pod")
    check.reaches(client, service.target(), pods, also=kept)
    for port in ("tcp", "udp"):
        attempts = check.reaches(outside, service.target(port), pods)
        elsewhere = attempts.where(backend=pods[1].identity)
        require(sources(elsewhere, {here.addresses[family]}, "the node that was routed to"))
        assert outside.addresses[family] not in attempts.sources(), "it was not masqueraded"


@case(
    "NAT-002",
    feature=("NAT", "ClusterIP"),
    level="extended",
    min_nodes=2,
    requires=OUTSIDE,
    reference="k/k pkg/proxy/iptables/proxier.go",
)
def test_off_cluster_client(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    entry: Entry,
    check: Check,
    family: Family,
) -> None:
    """A client with a route to a node reaches ClusterIPs through it, and is masqueraded there."""
    from_outside(workloads, clients, nodes, entry, check, family)


@case(
    "NAT-003",
    feature="NAT",
    level="extended",
    min_nodes=2,
    requires=(*OUTSIDE, *RESTART),
    reference=DETECT,
    disruptive=True,
)
@pytest.mark.parametrize("detector", DETECTORS)
def test_detect_local_mode(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    detector: str,
    entry: Entry,
) -> None:
    """Each detectLocalMode knows the node's pods, which keep their address, from strangers."""
    overlay: dict[str, Any] = {"detectLocalMode": detector}
    if detector == "BridgeInterface":
        name, bridge = pod_interface(cluster, nodes[0], clients.pod(nodes[0]).addresses[family])
        if not bridge:
            pytest.skip("the pods of this cluster are on no bridge")
        overlay["detectLocal"] = {"bridgeInterface": name}
    if detector != "ClusterCIDR":
        overlay["clusterCIDR"] = ""
    with reconfigured(cluster, nodes[:1], overlay):
        from_outside(workloads, clients, nodes, entry, check, family)


@case(
    "NAT-004",
    feature="NAT",
    level="extended",
    min_nodes=2,
    requires=(*OUTSIDE, *RESTART),
    reference=f"{DETECT}; k/k #134024",
    disruptive=True,
    known_bug=INTERFACE_PREFIX,
)
def test_detect_local_by_prefix(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    entry: Entry,
) -> None:
    """With InterfaceNamePrefix, too, the node's pods keep their address, and strangers do not."""
    name, _ = pod_interface(cluster, nodes[0], clients.pod(nodes[0]).addresses[family])
    prefix = {"interfaceNamePrefix": name.rstrip(string.hexdigits) or name[:3]}
    overlay = {"detectLocalMode": "InterfaceNamePrefix", "clusterCIDR": "", "detectLocal": prefix}
    with reconfigured(cluster, nodes[:1], overlay):
        from_outside(workloads, clients, nodes, entry, check, family)
