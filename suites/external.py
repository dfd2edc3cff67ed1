"""Services that a load balancer would serve, with the case itself as the load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixtures.services import Service
    from fixtures.workloads import Workloads

CLASS = "proxyproof.dev/by-hand"


def balanced(workloads: Workloads, *, policy: str = "Local", **spec: Any) -> Service:
    """Return a Service of type LoadBalancer with this externalTrafficPolicy and no address yet."""
    return workloads.service(
        type="LoadBalancer", loadBalancerClass=CLASS, externalTrafficPolicy=policy, **spec
    )
