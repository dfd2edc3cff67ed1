"""Ports of a Service: several, named, of two protocols, and changed while in use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.case import case
from fixtures.slices import Slices, endpoints
from suites.judges import arrives_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Service, Workloads
    from suites.check import Check
    from suites.programmed import Programmed

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


@case(
    "SVC-013",
    feature=("ports", "conntrack"),
    min_nodes=2,
    reference="k/k pkg/proxy/servicechangetracker.go serviceToServiceMap; conntrack/cleanup.go",
)
def test_protocol_changed(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A port changes from UDP to TCP and back, and no UDP flow keeps its old endpoint."""
    old = workloads.pods(1, on=nodes[0])
    client = clients.pod(nodes[0])
    service = workloads.service(ports=[port("web", 80, protocol="UDP")])
    udp = service.target("web")
    flow = client.source_ports.keep()
    check.reaches(client, udp, old, count=20, source_ports=flow)
    service.update(ports=[port("web", 80, protocol="TCP")])
    check.reaches(client, service.target("web"), old)
    check.silent(client, udp)
    # The old pod lives on, so that it would be seen to answer; it is no endpoint any more.
    workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
    new = workloads.pods(1, on=nodes[1])
    tcp = service.target("web")
    check.reaches(client, tcp, new)
    service.update(ports=[port("web", 80, protocol="UDP")])
    check.reaches(client, udp, new, count=20, source_ports=flow)
    check.reaches(client, udp, new)
    check.silent(client, tcp)


@case(
    "SVC-034",
    feature=("ports", "slices"),
    requires=("hand-made-endpoints",),
    reference="k/k pkg/proxy/types.go ServicePortName",
)
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_port_renamed(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    protocol: str,
) -> None:
    """A port that is renamed takes the endpoints of its new name, and never fails meanwhile."""
    numbers = {"web": 8080, "http": 8081}
    pods = workloads.pods(2, on=nodes[:2], serve=[f"{protocol.lower()}:{n}" for n in (8080, 8081)])
    client = clients.pod(nodes[0])
    service = workloads.service(app=None, ports=[port("web", 80, protocol=protocol)])
    named = [{"name": k, "port": v, "protocol": protocol} for k, v in numbers.items()]
    Slices(service, named).write("a", endpoints(pods, family))
    target = service.target("web")
    check.reaches(client, target, pods)
    with check.meanwhile(client, target):
        for name in ("http", "web", "http"):
            service.update(ports=[port(name, 80, protocol=protocol)])
            right = {pod.identity: numbers[name] for pod in pods}
            check.reaches(client, target, pods, also=partial(arrives_at, ports=right))


@case("SVC-035", feature="ports", reference="k/k pkg/proxy/servicechangetracker.go merge, filter")
def test_port_names_swapped(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """Two ports that swap their names go on to reach what each has as its targetPort."""
    pods = workloads.pods(2, on=nodes[:2], serve=("tcp:8080", "tcp:8081"))
    client = clients.pod(nodes[0])
    service = workloads.service(ports=[port("a", 80, 8080), port("b", 81, 8081)])
    for names in (("a", "b"), ("b", "a"), ("a", "b")):
        first, second = names
        service.update(ports=[port(first, 80, 8080), port(second, 81, 8081)])
        # The controller follows later, and until it has, names lead to each other's ports.
        numbers = {first: 8080, second: 8081}
        check.until.testbed(
            f"the endpoints' ports are {numbers}",
            partial(followed, service, numbers),
            within=check.timeouts.pod_running,
        )
        programmed([client], pods[0])
        for name, number in numbers.items():
            right = {pod.identity: number for pod in pods}
            check.reaches(client, service.target(name), pods, also=partial(arrives_at, ports=right))


def followed(service: Service, numbers: dict[str, int]) -> bool:
    """Tell whether the Service's EndpointSlices have these ports and no others."""
    return all(ports == numbers for ports in service.endpoint_ports())
