"""ClusterIP: the virtual address that every other way into a Service builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.check import sources
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

NETWORKING = "k/k test/e2e/network/networking.go, Granular Checks: Services"
SERVICE = "k/k test/e2e/network/service.go"


@case("SVC-001", feature="ClusterIP", reference=NETWORKING)
def test_tcp_on_the_same_node(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A pod reaches every ready endpoint on its own node over TCP."""
    pods = workloads.pods(3, on=nodes[0])
    check.reaches(clients.pod(nodes[0]), workloads.service().target(), pods, count=200)


@case("SVC-002", feature="ClusterIP", min_nodes=2, reference=NETWORKING)
def test_tcp_across_nodes(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A pod on any node reaches every ready endpoint of every node over TCP."""
    pods = workloads.pods(len(nodes), on=nodes)
    service = workloads.service()
    for node in nodes:
        check.reaches(clients.pod(node), service.target(), pods)


@case("SVC-003", feature="ClusterIP", min_nodes=2, reference=NETWORKING)
def test_udp(workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check) -> None:
    """A pod reaches every ready endpoint over UDP, and answers come from the address asked."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service()
    for node in nodes[:2]:
        check.reaches(clients.pod(node), service.target("udp"), pods)


@case("SVC-005", feature="ClusterIP", min_nodes=2, reference=NETWORKING)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_from_the_node(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """A process in the node's own namespace reaches local and remote endpoints."""
    pods = workloads.pods(2, on=nodes[:2])
    check.reaches(clients.node(nodes[0]), workloads.service().target(port), pods)


@case("SVC-006", feature=("ClusterIP", "NAT"), min_nodes=2, reference=SERVICE)
def test_source_address_is_kept(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A backend sees the address of the client's pod, on the same node and on another."""
    pods = workloads.pods(2, on=nodes[:2])
    client = clients.pod(nodes[0])
    attempts = check.reaches(client, workloads.service().target(), pods)
    require(sources(attempts, {client.addresses[family]}, "the client pod's address"))


@case("SVC-007", feature="hairpin", reference=SERVICE)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_hairpin(workloads: Workloads, nodes: Sequence[Node], check: Check, port: str) -> None:
    """A pod reaches itself through a Service of which it is the only endpoint."""
    pods = workloads.pods(1, on=nodes[0])
    check.reaches(pods[0].client, workloads.service().target(port), pods, count=20)


@case("SVC-022", feature="ClusterIP", reference=NETWORKING)
def test_two_services_of_the_same_pods(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Deleting one of two Services with the same endpoints does not touch the other."""
    pods = workloads.pods(2, on=nodes[:2])
    first, second = workloads.service("first"), workloads.service("second")
    client = clients.pod(nodes[0])
    for service in (first, second):
        check.reaches(client, service.target(), pods)
    running = client.start(second.target(), rate=100, duration=30)
    first.delete()
    check.silent(client, first.target())
    attempts = running.stop()
    assert attempts.ok, f"the second Service failed meanwhile: {attempts.first_failure()}"


@case("SVC-026", feature="ignored objects", reference="k/k pkg/proxy/util ShouldSkipService")
def test_headless_service_is_ignored(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A headless Service gets no rules, and a Service beside it works."""
    pods = workloads.pods(2, on=nodes[:2])
    workloads.service("headless", clusterIP="None")
    check.reaches(clients.pod(nodes[0]), workloads.service("web").target(), pods)


@case("SVC-027", feature="ignored objects", reference=SERVICE)
def test_service_proxy_name_label(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service labelled for another proxy is left alone, and taken back without the label."""
    label = "service.kubernetes.io/service-proxy-name"
    pods = workloads.pods(2, on=nodes[:2])
    client = clients.pod(nodes[0])
    service = workloads.service()
    check.reaches(client, service.target(), pods)
    service.set_labels({label: "another-proxy"})
    check.silent(client, service.target())
    service.set_labels({label: None})
    check.reaches(client, service.target(), pods)
