"""Endpoints with hints, which a case writes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family
    from fixtures.workloads import Pod, Service, Workloads

TCP = [{"name": "tcp", "port": 8080, "protocol": "TCP"}]


def by_hand(workloads: Workloads, **spec: Any) -> Service:
    """Return a Service whose endpoints the case writes itself."""
    ports = [{"name": "tcp", "protocol": "TCP", "port": 80}]
    return workloads.service(app=None, ports=ports, **spec)


def hinted(
    pod: Pod,
    family: Family,
    *,
    zone: str | Sequence[str] = (),
    node: str | Sequence[str] = (),
    ready: bool = True,
) -> dict[str, Any]:
    """Return an endpoint with hints for zones and for nodes."""
    hints = {"forZones": _names(zone), "forNodes": _names(node)}
    given = {kind: names for kind, names in hints.items() if names}
    return {
        "addresses": [pod.addresses[family]],
        "nodeName": pod.node,
        "conditions": {"ready": ready},
        **({"hints": given} if given else {}),
    }


def _names(given: str | Sequence[str]) -> list[dict[str, str]]:
    several = [given] if isinstance(given, str) else given
    return [{"name": name} for name in several]
