"""Endpoints: a Service follows what is ready, wherever it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fixtures.case import case

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Pod, Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"
PORTS = ({"name": "tcp", "protocol": "TCP", "port": 8080},)


def endpoints(pods: Iterable[Pod], family: Family) -> list[dict[str, Any]]:
    """Return ready endpoints of a hand-made EndpointSlice."""
    return [
        {
            "addresses": [pod.addresses[family]],
            "conditions": {"ready": True},
            "nodeName": pod.node,
        }
        for pod in pods
    ]


@case("SVC-014", feature="endpoints", min_nodes=2, reference=f"{SERVICE}, basic endpoint")
def test_none_some_more_fewer_none(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service follows its endpoints from none to some and back, and refuses without any."""
    client, target = clients.pod(nodes[0]), workloads.service().target()
    check.refuses(client, target)
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    for pod in pods:
        pod.set_ready(True)
    check.reaches(client, target, pods)
    more = workloads.pods(1, on=nodes[0])
    check.reaches(client, target, [*pods, *more])
    more[0].delete()
    check.reaches(client, target, pods)
    # They live on: a dead pod's kernel refuses as well, for a moment.
    for pod in pods:
        pod.set_ready(False)
    check.refuses(client, target)


@case("SVC-015", feature="endpoints", min_nodes=2, reference="k/k pkg/proxy/topology.go")
def test_readiness(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A pod gets connections while it is ready, and none while it is not."""
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    client, target = clients.pod(nodes[0]), workloads.service().target()
    for pod in pods:
        pod.set_ready(True)
    check.reaches(client, target, pods)
    for unready, ready in (pods, reversed(pods)):
        unready.set_ready(False)
        check.reaches(client, target, [ready])
        unready.set_ready(True)
        check.reaches(client, target, pods)


@case(
    "SVC-018",
    feature="slices",
    requires=("hand-made-endpoints",),
    reference="k/k test/e2e/network/endpointslice.go, multiple IPs in multiple slices",
)
def test_several_slices(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A Service has the endpoints of all its EndpointSlices, and follows each of them."""
    pods = workloads.pods(3, on=nodes)
    client, service = clients.pod(nodes[0]), workloads.service(app=None)
    for pod in pods:
        service.set_endpoints(endpoints([pod], family), ports=PORTS, suffix=pod.name)
    check.reaches(client, service.target(), pods)
    service.set_endpoints([], ports=PORTS, suffix=pods[0].name)
    check.reaches(client, service.target(), pods[1:])
    service.set_endpoints(endpoints(pods[:2], family), ports=PORTS, suffix=pods[1].name)
    check.reaches(client, service.target(), pods)


@case("NEP-005", feature="endpoints", reference=f"{SERVICE}, endpoints for unready pods")
def test_publish_not_ready_addresses(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Pods that are not ready are reached with publishNotReadyAddresses and refused without."""
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    client = clients.pod(nodes[0])
    service = workloads.service(publishNotReadyAddresses=True)
    check.reaches(client, service.target(), pods)
    service.update(publishNotReadyAddresses=False)
    check.refuses(client, service.target())
