"""Which endpoints of a Service one node may use: CategorizeEndpoints of pkg/proxy/topology.go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint of an EndpointSlice, of the address family in question.

    `name` is the pod's. The conditions are as kube-proxy reads them: `ready` includes
    publishNotReadyAddresses, and a missing `serving` is what `ready` is. `zone_hints` and
    `node_hints` are hints.forZones and hints.forNodes; give no node hints to a build that ignores
    them (feature gate PreferSameTrafficDistribution off). An endpoint's own `zone` decides nothing.
    """

    name: str
    ip: str = ""
    node: str = ""
    zone: str = ""
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone_hints: frozenset[str] = frozenset()
    node_hints: frozenset[str] = frozenset()

    @property
    def last_resort(self) -> bool:
        """Serving while terminating: used when nobody is ready (KEP-1669)."""
        return not self.ready and self.serving and self.terminating


@dataclass(frozen=True, slots=True)
class Choice:
    """Names of the endpoints for traffic policy Cluster and for Local, each independently."""

    cluster: tuple[str, ...]
    local: tuple[str, ...]


def categorize(endpoints: Sequence[EndpointView], *, node: str, zone: str = "") -> Choice:
    """Choose the endpoints that `node`, in `zone`, may use.

    For each policy the ready ones, or without any the terminating ones that still serve. Hints
    narrow the choice of policy Cluster only, never that of Local, and never to nothing.
    """
    ready = [endpoint for endpoint in endpoints if endpoint.ready]
    near = _by_hints(ready, node=node, zone=zone)
    last = [endpoint for endpoint in endpoints if endpoint.last_resort]
    local_ready = [endpoint for endpoint in ready if endpoint.node == node]
    local_last = [endpoint for endpoint in last if endpoint.node == node]
    return Choice(
        cluster=tuple(endpoint.name for endpoint in near or last),
        local=tuple(endpoint.name for endpoint in local_ready or local_last),
    )


def _by_hints(ready: Sequence[EndpointView], *, node: str, zone: str) -> Sequence[EndpointView]:
    """Narrow to the endpoints hinted for the node, else for its zone, else leave all.

    A kind of hint counts only if every ready endpoint has one and at least one names us
    (topologyModeFromHints).
    """
    for_node = [endpoint for endpoint in ready if node in endpoint.node_hints]
    if for_node and all(endpoint.node_hints for endpoint in ready):
        return for_node
    for_zone = [endpoint for endpoint in ready if zone in endpoint.zone_hints]
    if for_zone and all(endpoint.zone_hints for endpoint in ready):
        return for_zone
    return ready
