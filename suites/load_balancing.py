"""What the load balancer cases share: a Service whose load balancer is the case itself."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clusters.protocol import Family
    from fixtures.clients import Client
    from fixtures.workloads import Service, Workloads

CLASS = "proxyproof.dev/by-hand"
"""A loadBalancerClass that no controller knows, so that nobody else writes the status."""


def load_balancer(workloads: Workloads, *vips: str, mode: str = "VIP", **spec: Any) -> Service:
    """Return a Service of type LoadBalancer with these VIPs in its status."""
    service = workloads.service(type="LoadBalancer", loadBalancerClass=CLASS, **spec)
    if vips:
        service.set_load_balancer(*vips, mode=mode)
    return service


def only_from(*addresses: str, one: bool = False) -> dict[str, Any]:
    """Return the field of a Service's spec that lets only these addresses use its VIPs.

    Each address is in a range of two, since IPVS mode shuts those of one out at every sync
    (LB-017); with `one` it is in a range of its own.
    """
    longest = [ipaddress.ip_address(each).max_prefixlen for each in addresses]
    ranges = [
        ipaddress.ip_network(f"{each}/{length - (not one)}", strict=False)
        for each, length in zip(addresses, longest, strict=True)
    ]
    return {"loadBalancerSourceRanges": [str(each) for each in ranges]}


def kept_out(spec: Mapping[str, Any], clients: Iterable[Client], family: Family) -> list[Client]:
    """Return those of some clients whose address is in none of the ranges that `only_from` made.

    A node's neighbour may be in the range that was meant for the node alone.
    """
    ranges = [ipaddress.ip_network(each) for each in spec["loadBalancerSourceRanges"]]
    return [
        client
        for client in clients
        if not any(ipaddress.ip_address(client.addresses[family]) in each for each in ranges)
    ]


EVERYBODY = {"loadBalancerSourceRanges": ["0.0.0.0/0", "::/0"]}
