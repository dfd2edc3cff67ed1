"""Services that a load balancer would serve, with the case itself as the load balancer."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixtures.services import Service
    from fixtures.workloads import Workloads

CLASS = "proxyproof.dev/by-hand"

VIPS = {4: "198.18.0.0", 6: "2001:db8:113::"}
"""Nobody's addresses (RFC 2544, RFC 3849): no route in the cluster leads to them."""


def balanced(workloads: Workloads, *, policy: str = "Local", **spec: Any) -> Service:
    """Return a Service of type LoadBalancer with this externalTrafficPolicy and no address yet."""
    return workloads.service(
        type="LoadBalancer", loadBalancerClass=CLASS, externalTrafficPolicy=policy, **spec
    )


def own_vip(cluster_ip: str) -> str:
    """Return a VIP for the Service of a ClusterIP; two Services never get the same.

    The API gives no ClusterIP to two Services, and 16 bits tell those of one cluster apart.
    """
    address = ip_address(cluster_ip)
    return str(ip_address(VIPS[address.version]) + (int(address) & 0xFFFF))
