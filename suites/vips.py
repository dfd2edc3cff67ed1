"""Which addresses IPVS mode has to bind: those of the Services that kube-proxy is to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fixtures.kube import Kube

IGNORED = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")
"""Labels of Services that are none of kube-proxy's business."""


def vips(services: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the addresses of these Service objects that are bound; those of nodes are not."""
    found: set[str] = set()
    for service in services:
        spec, labels = service["spec"], service["metadata"].get("labels") or {}
        addresses = set(spec.get("clusterIPs") or ()) - {"None"}
        if not addresses or any(label in labels for label in IGNORED):
            continue
        found |= addresses | set(spec.get("externalIPs") or ())
        balancer = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        found |= {e["ip"] for e in balancer if "ip" in e and e.get("ipMode", "VIP") == "VIP"}
    return found


def live_vips(kube: Kube) -> set[str]:
    """Return what `vips` says of all Services that the API has now."""
    return vips(kube.get("/api/v1/services")["items"])
