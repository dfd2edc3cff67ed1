"""Lives of Services and of kube-proxy itself: recreated, changed in type, killed, restarted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.judges import same_backends
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"
RESTART = ("proxy-restart",)


@case("SVC-023", feature="lifecycle", reference=f"{SERVICE}, work after the service is recreated")
def test_deleted_and_recreated(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service that is deleted is silent, and with the same ClusterIP it works again."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    target = service.target()
    check.reaches(client, target, pods)
    service.delete()
    check.silent(client, target)
    service.recreate()
    check.reaches(client, target, pods)


@case(
    "SVC-024",
    feature=("lifecycle", "NodePort"),
    requires=("outside-client",),
    reference=f"{SERVICE}, change the type",
)
def test_type_changes(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service made a NodePort and back opens and closes the port; its ClusterIP never fails."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service()
    check.reaches(clients.pod(nodes[0]), service.target(), pods)
    with check.meanwhile(clients.pod(nodes[0]), service.target()):
        service.update(type="NodePort")
        opened = service.node_target(nodes[0])
        check.reaches(clients.outside(), opened, pods)
        service.update(type="ClusterIP")
        check.refuses(clients.outside(), opened)


@case(
    "LIFE-001", feature="restart", min_nodes=2, requires=RESTART, reference=SERVICE, disruptive=True
)
def test_kill_and_restart(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """Killing and restarting kube-proxy breaks no open connection and fails no new one."""
    pods = workloads.pods(3, on=nodes)
    client, target = clients.pod(nodes[0]), workloads.service().target()
    check.reaches(client, target, pods)
    with client.hold(target, 20, timeout=check.timeouts.answer) as held:
        with check.meanwhile(client, target), check.meanwhile(clients.node(nodes[0]), target):
            with proxies.down(nodes[0]):
                require(same_backends(held.opened, held.check()))
            later = workloads.service("later")
            check.reaches(client, later.target(), pods)
        require(same_backends(held.opened, held.check()))


@case(
    "LIFE-002", feature="restart", min_nodes=2, requires=RESTART, reference=SERVICE, disruptive=True
)
def test_changes_while_down(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """What changed while kube-proxy was down is applied once it is back: new, moved and gone."""
    pods = workloads.pods(2, on=nodes[:2])
    here, elsewhere = clients.pod(nodes[0]), clients.pod(nodes[1])
    moved, gone = workloads.service("moved"), workloads.service("gone")
    for service in (moved, gone):
        check.reaches(here, service.target(), pods)
    with proxies.down(nodes[0]):
        pods.pop(0).delete()
        pods += workloads.pods(1, on=nodes[0])
        new = workloads.service("new")
        gone.delete()
        # The API has it all once another node's kube-proxy does it.
        check.reaches(elsewhere, new.target(), pods)
    for service in (new, moved):
        check.reaches(here, service.target(), pods)
    check.silent(here, gone.target())
