"""UDP flows on the other ways in: VIP, a node's own traffic, Local policies, a late endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.slices import DEAD, READY, TERMINATING, UNREADY, Slices, endpoints
from suites.conformance.test_conntrack import CONNTRACK, replaced
from suites.flows import Flow
from suites.known_bugs import DELETED, SCALED_TO_ZERO, STOPS_SERVING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check


@case(
    "CT-003",
    feature=("conntrack", "LoadBalancer"),
    min_nodes=2,
    reference="k/k test/e2e/network/loadbalancer.go, preserve UDP traffic",
)
@pytest.mark.parametrize("way", ["pod", "node"])
def test_udp_flow_through_vip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
    way: str,
) -> None:
    """A UDP flow to a load balancer's VIP moves when the pod behind it is replaced."""
    vip = address()
    service = workloads.service(type="LoadBalancer", loadBalancerClass="proxyproof.dev/by-hand")
    service.set_load_balancer(vip)
    client = clients.pod(nodes[0]) if way == "pod" else clients.node(nodes[0])
    replaced(workloads, client, service.at(vip, "udp"), nodes, check)


def replaced_locally(
    workloads: Workloads, client: Client, target: Target, nodes: Sequence[Node], check: Check
) -> None:
    """Judge that a UDP flow that a Local policy keeps on the first node follows its pod there.

    An endpoint on the other node stays all the time: k/k #126934 left the entries of a local
    endpoint alone while there was any.
    """
    workloads.pods(1, on=nodes[1])
    old, flow = workloads.pods(1, on=nodes[0]), client.source_ports.keep()
    check.reaches(client, target, old, count=1)
    check.reaches(client, target, old, count=20, source_ports=flow)
    new = workloads.pods(1, on=nodes[0], gated=True)
    workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
    new[0].set_ready(True)
    check.reaches(client, target, new, count=20, source_ports=flow)


@case(
    "CT-004",
    feature=("conntrack", "eTP", "iTP"),
    min_nodes=2,
    requires=("outside-client",),
    reference=f"{CONNTRACK}; k/k #126934",
)
@pytest.mark.parametrize("way", ["host", "iTP", "eTP"])
def test_udp_flow_of_hosts_and_local(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, way: str
) -> None:
    """UDP flows of a node itself, and those under Local policies, move with their pod."""
    if way == "host":
        target = workloads.service().target("udp")
        replaced(workloads, clients.node(nodes[0]), target, nodes, check)
    elif way == "iTP":
        target = workloads.service(internalTrafficPolicy="Local").target("udp")
        replaced_locally(workloads, clients.pod(nodes[0]), target, nodes, check)
    else:
        service = workloads.service(type="NodePort", externalTrafficPolicy="Local")
        target = service.node_target(nodes[0], "udp")
        replaced_locally(workloads, clients.outside(), target, nodes, check)


@case(
    "CT-005", feature="conntrack", reference=f"{CONNTRACK}, initial unready; k/k #105657, #126532"
)
def test_udp_flow_before_the_endpoint(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A UDP flow that began before the Service, or before its endpoint was ready, gets through."""
    service = workloads.service()
    target, client = service.target("udp"), clients.pod(nodes[0])
    service.delete()
    check.silent(client, target)
    with Flow(client, target, check) as flow:
        # Nobody translates the flow's first packets, and its entry says so.
        flow.unanswered()
        service.recreate()
        pods = workloads.pods(1, on=nodes[0], gated=True)
        flow.unanswered()
        pods[0].set_ready(True)
        flow.reaches(pods)


@case("CT-006", feature="conntrack", known_bug=SCALED_TO_ZERO, reference="k/k #139628")
def test_udp_flow_of_a_service_scaled_to_zero(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
) -> None:
    """A UDP flow leaves its last endpoint when that is one no more, and comes to a new one."""
    vip = address()
    old = workloads.pods(1, on=nodes[0], gated=True)
    old[0].set_ready(True)
    service = workloads.service(externalIPs=[vip])
    here = clients.pod(nodes[0])
    ways = [(here, service.target("udp")), (clients.node(nodes[-1]), service.at(vip, "udp"))]
    for client, target in ways:
        with Flow(client, target, check) as flow:
            flow.reaches(old)
            old[0].set_ready(False)
            flow.unanswered()
            old[0].set_ready(True)
            flow.reaches(old)
            # It lives on and would be seen to answer, as a pod that got its address would.
            workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
            flow.unanswered()
            old = workloads.pods(1, on=nodes[0], gated=True)
            old[0].set_ready(True)
            flow.reaches(old)


@case("CT-007", feature="conntrack", level="extended", known_bug=DELETED, reference="k/k #141371")
def test_udp_flow_of_a_deleted_service(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, mode: str
) -> None:
    """A UDP flow does not go on to the endpoints of a Service that is deleted.

    When it is made anew, IPVS mode first makes its virtual server and only then masquerades what
    the node sends (KUBE-CLUSTER-IP). A node's flow that meets the one without the other is never
    answered, for as long as it does not pause: nothing clears its conntrack entry.
    """
    pods = workloads.pods(1, on=nodes[0])
    service = workloads.service()
    target = service.target("udp")
    for client in (clients.pod(nodes[0]), clients.node(nodes[-1])):
        with Flow(client, target, check) as flow:
            flow.reaches(pods)
            service.delete()
            flow.unanswered()
            service.recreate()
            if (mode, client.kind) != ("ipvs", "node"):
                flow.reaches(pods)


@case(
    "CT-012",
    feature=("conntrack", "terminating", "iTP"),
    level="extended",
    min_nodes=2,
    requires=("hand-made-endpoints",),
    known_bug=STOPS_SERVING,
    reference="k/k #125467, #126934; KEP-1669",
)
@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_udp_flow_of_an_endpoint_that_stops_serving(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    mode: str,
    policy: str,
) -> None:
    """A UDP flow stays with an endpoint that terminates until it stops serving, and then moves.

    To one of another node, or by internalTrafficPolicy Local to the node's own next one, whatever
    other nodes have.

    In IPVS mode it moves as soon as another endpoint is ready: of UDP no real server is kept for
    the flows that it has (k/k pkg/proxy/ipvs/graceful_termination.go). The slices are written by
    hand, since a kubelet says no more of a pod's readiness once it ends it.
    """
    old = workloads.pods(1, on=nodes[0])
    new = workloads.pods(1, on=nodes[0 if policy == "Local" else -1])
    service = workloads.service(app=None, internalTrafficPolicy=policy)
    slices = Slices(service)
    if policy == "Local":
        slices.write("elsewhere", endpoints(workloads.pods(1, on=nodes[-1]), family))

    def write(before: dict[str, bool], after: dict[str, bool]) -> None:
        slices.write("here", endpoints(old, family, **before) + endpoints(new, family, **after))

    write(READY, UNREADY)
    with Flow(clients.pod(nodes[0]), service.target("udp"), check) as flow:
        flow.reaches(old)
        write(TERMINATING, UNREADY)
        flow.reaches(old)
        write(TERMINATING, READY)
        flow.reaches(new if mode == "ipvs" else old)
        write(DEAD, READY)
        flow.reaches(new)
