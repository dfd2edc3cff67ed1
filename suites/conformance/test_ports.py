"""Ports of a Service: several, named, of two protocols, and changed while in use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.case import case
from suites.judges import arrives_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"


def port(name: str, number: int, target: int | str = 8080, protocol: str = "TCP") -> dict[str, Any]:
    """Return a Service port."""
    return {"name": name, "port": number, "targetPort": target, "protocol": protocol}


@case("SVC-009", feature="ports", reference=f"{SERVICE}, multiport endpoints")
def test_named_target_ports(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Each port of a Service reaches the container port of its name, whatever its number is."""
    numbers = ({"web": 8080, "admin": 9090}, {"web": 8081, "admin": 9091})
    pods = [
        workloads.pods(
            1,
            on=nodes[index % len(nodes)],
            serve=[f"tcp:{number}" for number in named.values()],
            ports=[{"name": name, "containerPort": number} for name, number in named.items()],
        )[0]
        for index, named in enumerate(numbers)
    ]
    service = workloads.service(ports=[port("web", 80, "web"), port("admin", 81, "admin")])
    for name in ("web", "admin"):
        right = {pod.identity: named[name] for pod, named in zip(pods, numbers, strict=True)}
        check.reaches(
            clients.pod(nodes[0]),
            service.target(name),
            pods,
            also=partial(arrives_at, ports=right),
        )


@case("SVC-010", feature="ports", reference=f"{SERVICE}, same port and different protocols")
@pytest.mark.parametrize("kept", ["tcp", "udp"])
def test_one_number_two_protocols(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, kept: str
) -> None:
    """TCP and UDP share a port number; taking one away silences it and never hurts the other."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    dropped = "udp" if kept == "tcp" else "tcp"
    old = service.target(dropped)
    check.reaches(client, old, pods)
    check.reaches(client, service.target(kept), pods)
    with check.meanwhile(client, service.target(kept)):
        service.update(ports=[service.port(kept)])
        check.silent(client, old)
    check.reaches(client, service.target(kept), pods)


@case("SVC-011", feature="ports", reference=f"{SERVICE}, adding or deleting ports")
def test_port_added_removed_renumbered(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A port works once it is added, is silent once it is gone, and others notice nothing."""
    pods = workloads.pods(2, on=nodes[:2])
    client = clients.pod(nodes[0])
    service = workloads.service(ports=[port("web", 80)])
    check.reaches(client, service.target("web"), pods)
    with check.meanwhile(client, service.target("web")):
        service.update(ports=[port("web", 80), port("more", 81)])
        added = service.target("more")
        check.reaches(client, added, pods)
        service.update(ports=[port("web", 80), port("more", 82)])
        check.reaches(client, service.target("more"), pods)
        check.silent(client, added)
        renumbered = service.target("more")
        service.update(ports=[port("web", 80)])
        check.silent(client, renumbered)


@case("SVC-012", feature="ports", reference="k/k pkg/proxy/endpointschangetracker.go")
def test_target_port_changed(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """After a change of targetPort new connections reach the new port only."""
    pods = workloads.pods(2, on=nodes[:2], serve=("tcp:8080", "tcp:8081"))
    client = clients.pod(nodes[0])
    service = workloads.service(ports=[port("web", 80, 8080)])
    for number in (8080, 8081):
        service.update(ports=[port("web", 80, number)])
        right = {pod.identity: number for pod in pods}
        check.reaches(
            client,
            service.target("web"),
            pods,
            also=partial(arrives_at, ports=right),
        )
