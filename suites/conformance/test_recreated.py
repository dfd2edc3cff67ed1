"""Services deleted and created anew: under another address, in exchange, and while in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.judges import same_backends
from suites.oracles.verdict import require
from suites.spread import flows_moved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

TRACKER = "k/k pkg/proxy/servicechangetracker.go Update, merge, unmerge"


@case("SVC-039", feature="lifecycle", reference=TRACKER)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_another_cluster_ip(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """A Service created again with another ClusterIP works there, and is silent at the old one."""
    pods = workloads.pods(2, on=nodes[:2])
    # Of nobody: pods that answer at its address are those of the Service that has it now.
    service, other = workloads.service(), workloads.service("other", app="nobody")
    old, both = service.target(port), (clients.pod(nodes[0]), clients.node(nodes[0]))
    for client in both:
        check.reaches(client, old, pods)
    address = other.cluster_ip
    other.delete()
    service.delete()
    service.recreate(clusterIP=address, clusterIPs=[address])
    for client in both:
        check.reaches(client, service.target(port), pods)
        check.silent(client, old)


@case("SVC-041", feature="lifecycle", reference=TRACKER)
def test_cluster_ips_exchanged(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Two Services that exchange their ClusterIPs are each reached at the other's old one."""
    first, second = workloads.service("first", app="one"), workloads.service("second", app="two")
    ones, twos = workloads.pods(2, on=nodes[:2], app="one"), workloads.pods(1, app="two")
    client = clients.pod(nodes[0])
    for _ in range(2):
        check.reaches(client, first.target(), ones)
        check.reaches(client, second.target(), twos)
        addresses = second.cluster_ip, first.cluster_ip
        first.delete()
        second.delete()
        for service, address in zip((first, second), addresses, strict=True):
            service.recreate(clusterIP=address, clusterIPs=[address])
    for port in ("tcp", "udp"):
        check.reaches(client, first.target(port), ones)
        check.reaches(client, second.target(port), twos)


@case(
    "SVC-040",
    feature=("lifecycle", "conntrack"),
    min_nodes=2,
    reference="k/k pkg/proxy/conntrack/cleanup.go; k/k #141371",
)
def test_deleted_in_use(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    observe: Callable[[str, object], None],
    mode: str,
) -> None:
    """A Service deleted in use is silent, and created again with other pods, theirs to the last."""
    old = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    tcp, udp = service.target("tcp"), service.target("udp")
    check.reaches(client, tcp, old)
    check.reaches(client, udp, old)
    patience = check.timeouts.answer
    with client.hold(tcp, 10, timeout=patience) as open_, client.hold(udp, 10) as flows:
        service.delete()
        for target in (tcp, udp):
            check.silent(client, target)
        observe("UDP flows after deletion", flows.check().outcomes())
        if mode == "ipvs":
            # The kernel ends connections without a virtual server (expire_nodest_conn).
            observe("TCP connections after deletion", open_.check().outcomes())
        else:
            require(same_backends(open_.opened, open_.check()))
        new = workloads.pods(2, on=nodes[:2], app="new")
        service.recreate(selector={"app": "new"})
        for target in (tcp, udp):
            check.reaches(client, target, new)
        names = {pod.identity for pod in new}
        check.until(
            "UDP flows meet the new pods",
            lambda: flows_moved(flows.check(), names),
            within=check.timeouts.programmed,
        )
        if mode != "ipvs":
            require(same_backends(open_.opened, open_.check()))
