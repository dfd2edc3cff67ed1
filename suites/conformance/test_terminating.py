"""Terminating endpoints: used while nothing is ready, and never beside what is (KEP-1669)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fixtures.case import case
from suites.check import sources
from suites.programmed import PORTS
from suites.terminating import SERVES_ON, end, terminate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.programmed import Programmed

FALLBACK = "KEP-1669; k/k test/e2e/network/service.go, fallback to terminating endpoints"
OUTSIDE = ("outside-client",)


@case("TRM-001", feature="terminating", min_nodes=2, reference=FALLBACK)
def test_internal_cluster(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """Terminating pods serve a ClusterIP from every node when no pod is ready, without a gap."""
    pods = workloads.pods(2, on=nodes[:2], extra_args=SERVES_ON)
    service = workloads.service()
    everywhere = [place(node) for node in nodes[:2] for place in (clients.pod, clients.node)]
    for client in everywhere:
        check.reaches(client, service.target(), pods, count=1)
    with check.meanwhile(everywhere[0], service.target()):
        terminate(service, pods)
        programmed(everywhere, pods[0])
        for client in everywhere:
            check.reaches(client, service.target(), pods, count=1)
    end(pods)
    check.refuses(everywhere[0], service.target())


@case("TRM-002", feature=("terminating", "iTP"), min_nodes=2, requires=OUTSIDE, reference=FALLBACK)
def test_internal_local(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """With internalTrafficPolicy Local a node's only pod, terminating, goes before ready ones."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    ready = workloads.pods(1, on=nodes[1])
    service = workloads.service(type="NodePort", internalTrafficPolicy="Local")
    here, there, outside = clients.pod(nodes[0]), clients.pod(nodes[1]), clients.outside()
    check.reaches(outside, service.node_target(nodes[0]), [*old, *ready])
    with check.meanwhile(here, service.target()):
        terminate(service, old)
        programmed([here, there], ready[0])
        check.reaches(here, service.target(), old)
        check.reaches(clients.node(nodes[0]), service.target(), old)
    check.reaches(there, service.target(), ready)
    # Policy Cluster of the same Service has a ready endpoint to go to, also at this node.
    for node in nodes[:2]:
        check.reaches(outside, service.node_target(node), ready)


@case("TRM-003", feature=("terminating", "eTP"), min_nodes=2, requires=OUTSIDE, reference=FALLBACK)
def test_external_cluster(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """Terminating pods serve a NodePort of policy Cluster while no pod is ready, and then not."""
    old = workloads.pods(2, on=nodes[:2], extra_args=SERVES_ON)
    new = workloads.pods(1, on=nodes[1], gated=True)
    service, outside = workloads.service(type="NodePort"), clients.outside()
    targets = [service.node_target(node) for node in nodes[:2]]
    for target in targets:
        check.reaches(outside, target, old)
    with check.meanwhile(outside, targets[0]):
        terminate(service, old)
        programmed([clients.pod(node) for node in nodes[:2]], old[0])
        for target in targets:
            check.reaches(outside, target, old)
        new[0].set_ready(True)
        for target in targets:
            check.reaches(outside, target, new)


@case("TRM-004", feature=("terminating", "eTP"), min_nodes=2, requires=OUTSIDE, reference=FALLBACK)
def test_external_local(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
    family: Family,
) -> None:
    """With externalTrafficPolicy Local a node's only pod serves on while it terminates."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    ready = workloads.pods(1, on=nodes[1])
    service = workloads.service(type="NodePort", externalTrafficPolicy="Local")
    outside, here = clients.outside(), clients.pod(nodes[0])
    own = partial(sources, allowed={outside.addresses[family]}, what="the client's own address")
    check.reaches(outside, service.node_target(nodes[0]), old)
    with check.meanwhile(outside, service.node_target(nodes[0])):
        terminate(service, old)
        programmed([clients.pod(node) for node in nodes[:2]], ready[0])
        check.reaches(outside, service.node_target(nodes[0]), old, also=own)
    check.reaches(outside, service.node_target(nodes[1]), ready, also=own)
    check.reaches(here, service.target(), ready)
    end(old)
    check.silent(outside, service.node_target(nodes[0]))
    check.reaches(outside, service.node_target(nodes[1]), ready)


@case("TRM-005", feature="terminating", min_nodes=2, reference=FALLBACK)
def test_ready_is_preferred(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
) -> None:
    """A terminating pod gets no new connection while another is ready, and all when none is."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    new = workloads.pods(1, on=nodes[1], gated=True)
    new[0].set_ready(True)
    service, client = workloads.service(), clients.pod(nodes[0])
    check.reaches(client, service.target(), [*old, *new])
    with check.meanwhile(client, service.target()):
        terminate(service, old)
        for _ in range(2):
            check.reaches(client, service.target(), new)
            new[0].set_ready(False)
            check.reaches(client, service.target(), old)
            new[0].set_ready(True)
        check.reaches(client, service.target(), new)


YES, NO = True, False

CONDITIONS: tuple[tuple[dict[str, bool], bool], ...] = (
    ({}, YES),
    ({"ready": NO, "serving": NO, "terminating": YES}, NO),
    ({"ready": NO, "serving": YES, "terminating": YES}, YES),
    ({"ready": NO, "serving": YES, "terminating": NO}, NO),
    ({"ready": NO, "terminating": YES}, YES),
    ({"ready": NO, "serving": NO, "terminating": NO}, NO),
    ({"ready": YES, "serving": YES, "terminating": NO}, YES),
)
"""Conditions of a lone endpoint, and whether it is used. One left out means ready and serving, but
not terminating: EndpointConditions in k/k staging/src/k8s.io/api/discovery/v1/types.go."""


@case(
    "TRM-006",
    feature="terminating",
    requires=("hand-made-endpoints",),
    reference="k/k pkg/proxy/topology.go, CategorizeEndpoints",
)
def test_conditions(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A lone endpoint is used if ready, or serving and terminating; otherwise all is refused."""
    pods = workloads.pods(1, on=nodes[0])
    client, service = clients.pod(nodes[-1]), workloads.service(app=None)
    entry = {"addresses": [pods[0].addresses[family]], "nodeName": pods[0].node}
    # Every other one is used, so each shows that its change has arrived.
    for conditions, used in CONDITIONS:
        service.set_endpoints([{**entry, "conditions": conditions}], ports=PORTS)
        if used:
            check.reaches(client, service.target(), pods)
        else:
            check.refuses(client, service.target())
