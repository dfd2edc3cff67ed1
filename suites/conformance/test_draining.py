"""Pods on their way out: what is open lives on, and a rolling update fails no connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.judges import same_backends
from suites.open_flows import ended
from suites.oracles.verdict import require
from suites.terminating import SERVES_ON, terminate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

ROLLING = "k/k test/e2e/network/loadbalancer.go, no connectivity disruption during rolling update"
DRAINING = "k/k pkg/proxy/ipvs/graceful_termination.go; KEP-1669"
OUTSIDE = ("outside-client",)


@case("TRM-007", feature="terminating", min_nodes=2, requires=OUTSIDE, reference=DRAINING)
def test_open_connections_of_a_deleted_pod(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Open connections to a deleted pod live until it closes them; new ones go elsewhere."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    ready = workloads.pods(1, on=nodes[1])
    service = workloads.service(type="NodePort")
    paths = (
        (clients.pod(nodes[0]), service.target()),
        (clients.node(nodes[1]), service.target()),
        (clients.outside(), service.node_target(nodes[1])),
    )
    for client, target in paths:
        check.reaches(client, target, [*old, *ready], count=1)
    # One of 2^39 times all forty connections of a client have the same backend.
    held = [client.hold(target, 40, timeout=check.timeouts.answer) for client, target in paths]
    terminate(service, old)
    for client, target in paths:
        check.reaches(client, target, ready)
    for one in held:
        require(same_backends(one.opened, one.check()))
    old[0].client.agent.reset(8080, "tcp")
    for one in held:
        require(ended(one.opened, one.check(), {old[0].identity}))
        one.release()


@case("TRM-008", feature="terminating", min_nodes=2, requires=OUTSIDE, reference=ROLLING)
def test_rolling_update(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A rolling update of pods that serve on while they terminate fails no connection."""
    pods = workloads.pods(3, on=nodes, extra_args=SERVES_ON)
    service = workloads.service(type="NodePort")
    inside, outside, at = clients.pod(nodes[0]), clients.outside(), service.node_target(nodes[1])
    check.reaches(inside, service.target(), pods)
    check.reaches(outside, at, pods)
    gone = []
    with check.meanwhile(inside, service.target()), check.meanwhile(outside, at):
        for number in range(3):
            pods += workloads.pods(1, on=nodes[(number + 1) % len(nodes)], extra_args=SERVES_ON)
            gone.append(pods.pop(0))
            terminate(service, gone[-1:])
        for client, target in ((inside, service.target()), (outside, at)):
            check.reaches(client, target, pods)
        for pod in gone:
            pod.delete()
        check.reaches(inside, service.target(), pods)
