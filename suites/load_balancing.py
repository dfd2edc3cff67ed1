"""What the load balancer cases share: a Service whose load balancer is the case itself."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


EVERYBODY = {"loadBalancerSourceRanges": ["0.0.0.0/0", "::/0"]}
