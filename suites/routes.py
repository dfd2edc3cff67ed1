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
