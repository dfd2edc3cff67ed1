"""NodePorts that change while they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.node_ports import with_own_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check


def free_node_port(workloads: Workloads, port: str) -> int:
    """Return a NodePort that the API has just taken back."""
    spare = with_own_number(workloads, "spare")
    number = int(spare.port(port)["nodePort"])
    spare.delete()
    return number


@case(
    "NP-011",
    feature="NodePort",
    level="extended",
    requires=("outside-client",),
    reference="k/k test/e2e/network/service.go, change the NodePort",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_number_changes(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """A Service's NodePort moves to another number and back; the old one is closed each time."""
    pods, outside = workloads.pods(2, on=nodes[:2]), clients.outside()
    service = with_own_number(workloads)
    inside = clients.pod(nodes[0])
    check.reaches(inside, service.target(port), pods)
    free = free_node_port(workloads, port)
    with check.meanwhile(inside, service.target(port)):
        for _ in range(2):
            old, number = service.node_target(nodes[0], port), service.port(port)["nodePort"]
            check.reaches(outside, old, pods)
            others = [each for each in service.spec["ports"] if each["name"] != port]
            service.update(ports=[*others, {**service.port(port), "nodePort": free}])
            check.reaches(outside, service.node_target(nodes[0], port), pods)
            check.refuses(outside, old)
            free = number
