"""By which way a node sends, and with which address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fixtures.commands import must

if TYPE_CHECKING:
    from clusters.protocol import Cluster, Node


def route_to(cluster: Cluster, node: Node, address: str) -> dict[str, Any]:
    """Return a node's route to an address, its fields by the names of ip-route(8)."""
    shown = must(cluster, node, ["ip", "-j", "route", "get", address])
    route: dict[str, Any] = json.loads(shown)[0]
    return route


def source_towards(cluster: Cluster, node: Node, address: str) -> str:
    """Return the address that masquerading on `node` gives to packets for `address`.

    It is one of the interface that the packet leaves by (nf_nat_masquerade_ipv4 in
    net/netfilter/nf_nat_masquerade.c): the node's own, or its pod bridge's for a local pod.
    """
    return str(route_to(cluster, node, address)["prefsrc"])


def pod_interface(cluster: Cluster, node: Node, address: str) -> tuple[str, bool]:
    """Return the interface of a node that leads to a pod of its own, and whether it is a bridge."""
    name = str(route_to(cluster, node, address)["dev"])
    link = json.loads(must(cluster, node, ["ip", "-d", "-j", "link", "show", "dev", name]))[0]
    return name, link.get("linkinfo", {}).get("info_kind") == "bridge"


def forgets_fragments(cluster: Cluster, node: Node, pod: str) -> bool:
    """Whether the node forgets in how many fragments an IPv6 packet of its pod came.

    A bridge that calls ip6tables (br_netfilter) puts packets together before they enter the IPv6
    stack, which clears the note of how large the fragments were (ip6_rcv_core in
    net/ipv6/ip6_input.c). What is forwarded is cut again all the same, since it may be; IPVS goes
    by the note alone and answers "packet too big" (__mtu_check_toobig_v6 in
    net/netfilter/ipvs/ip_vs_xmit.c).
    """
    if not pod_interface(cluster, node, pod)[1]:
        return False
    called = cluster.run(node, ["sysctl", "-n", "net.bridge.bridge-nf-call-ip6tables"])
    return called.stdout.strip() == "1"
