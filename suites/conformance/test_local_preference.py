"""Which of a node's endpoints policy Local uses: ready before terminating, and only its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.hints import TCP, by_hand
from suites.terminating import SERVES_ON, end, terminate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.programmed import Programmed

TOPOLOGY = "KEP-1669; k/k pkg/proxy/topology.go, CategorizeEndpoints"
OUTSIDE = ("outside-client",)


@case(
    "TRM-009",
    feature=("terminating", "iTP", "eTP"),
    min_nodes=2,
    requires=OUTSIDE,
    reference=TOPOLOGY,
)
def test_local_prefers_ready(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """With policy Local a node's ready pod gets every new connection, not its terminating one."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    new = workloads.pods(1, on=nodes[0], gated=True)
    new[0].set_ready(True)
    service = workloads.service(
        type="NodePort", internalTrafficPolicy="Local", externalTrafficPolicy="Local"
    )
    places = (
        (clients.pod(nodes[0]), service.target()),
        (clients.outside(), service.node_target(nodes[0])),
    )
    for client, target in places:
        check.reaches(client, target, [*old, *new])
    with check.meanwhile(*places[0]):
        terminate(service, old)
        for ready in (True, False, True):
            new[0].set_ready(ready)
            for client, target in places:
                check.reaches(client, target, new if ready else old)


@case(
    "TRM-010",
    feature=("terminating", "eTP", "affinity"),
    min_nodes=2,
    requires=OUTSIDE,
    reference=TOPOLOGY,
)
def test_local_terminating_with_affinity(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """With affinity and policy Local a node's only pod serves on while it terminates, too."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    ready = workloads.pods(1, on=nodes[1])
    service = workloads.service(
        type="NodePort", externalTrafficPolicy="Local", sessionAffinity="ClientIP"
    )
    outside = clients.outside()
    targets = [service.node_target(node) for node in nodes[:2]]
    check.reaches(outside, targets[0], old)
    with check.meanwhile(outside, targets[0]):
        terminate(service, old)
        programmed([clients.pod(node) for node in nodes[:2]], ready[0])
        check.reaches(outside, targets[0], old)
    check.reaches(outside, targets[1], ready)
    end(old)
    check.silent(outside, targets[0])
    check.reaches(outside, targets[1], ready)


@case(
    "ITP-007",
    feature="iTP",
    min_nodes=2,
    requires=("hand-made-endpoints",),
    reference="k/k pkg/proxy/endpointslicecache.go, addEndpoints",
)
def test_endpoint_without_node(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """An endpoint without nodeName is no node's own, so policy Local does not use it."""
    pods = workloads.pods(2, on=nodes[0])
    service = by_hand(workloads, internalTrafficPolicy="Local")
    for named in (1, 2, 1):
        entries = [
            {
                "addresses": [pod.addresses[family]],
                **({"nodeName": pod.node} if number < named else {}),
            }
            for number, pod in enumerate(pods)
        ]
        service.set_endpoints(entries, ports=TCP)
        for client in (clients.pod(nodes[0]), clients.node(nodes[0])):
            check.reaches(client, service.target(), pods[:named])
