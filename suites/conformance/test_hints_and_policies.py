"""Hints of several zones or nodes, and what hints mean beside policy Local."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.zones import zone_of
from suites.hints import TCP, by_hand, hinted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

TOPOLOGY = "k/k pkg/proxy/topology.go"
SLICES = "k/k pkg/proxy/endpointslicecache.go, addEndpoints"


@case(
    "TOP-007",
    feature="topology",
    level="extended",
    min_nodes=2,
    since="1.34",
    requires=("hand-made-endpoints",),
    reference=SLICES,
)
@pytest.mark.parametrize("kind", ["zones", "nodes"])
def test_several_hints(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
    kind: str,
) -> None:
    """An endpoint with hints for several zones or nodes is used by each of them."""
    pods = workloads.pods(2, on=nodes[:2])
    shared, other = pods
    service = by_hand(workloads)
    names = [zone_of(kube, n.name) if kind == "zones" else n.name for n in nodes[:2]]
    # The second endpoint is one node's alone, the first everybody's, whichever hint comes first.
    for alone, hints in ((1, names), (0, names[::-1]), (1, names[::-1])):
        entries = [
            hinted(shared, family, **{kind[:-1]: hints}),  # type: ignore[arg-type]
            hinted(other, family, **{kind[:-1]: names[alone]}),  # type: ignore[arg-type]
        ]
        service.set_endpoints(entries, ports=TCP)
        for number, node in enumerate(nodes[:2]):
            reached = pods if number == alone else [shared]
            check.reaches(clients.pod(node), service.target(), reached)


@case(
    "TOP-008",
    feature=("topology", "eTP"),
    level="extended",
    min_nodes=2,
    since="1.31",
    requires=("hand-made-endpoints", "outside-client"),
    reference=TOPOLOGY,
)
@pytest.mark.parametrize("affinity", ["None", "ClientIP"])
def test_policy_local_beside_hints(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    kube: Kube,
    family: Family,
    affinity: str,
) -> None:
    """A node's own endpoints serve policy Local, though hints send its pods to another zone."""
    pods = workloads.pods(2, on=nodes[:2])
    service = by_hand(
        workloads, type="NodePort", externalTrafficPolicy="Local", sessionAffinity=affinity
    )
    zones = [zone_of(kube, node.name) for node in nodes[:2]]
    for near in (pods[::-1], pods, pods[::-1]):
        entries = [hinted(pod, family, zone=zone) for pod, zone in zip(near, zones, strict=True)]
        service.set_endpoints(entries, ports=TCP)
        for node, own, hint in zip(nodes, pods, near, strict=False):
            check.reaches(clients.pod(node), service.target(), [hint])
            check.reaches(clients.outside(), service.node_target(node), [own])
