"""Traffic policies that change while flows are open, and faster than kube-proxy syncs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.judges import same_backends
from suites.load_balancing import load_balancer
from suites.open_flows import held_by
from suites.oracles.verdict import require
from suites.returning import may_be_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.workloads import Pod, Service, Workloads
    from suites.check import Check
    from suites.health_port import HealthPort
    from suites.programmed import Programmed

FLOWS = "k/k pkg/proxy/conntrack/cleanup.go: changes of a Service do not affect existing flows"
SYNC = "k/k pkg/proxy/servicechangetracker.go"
OUTSIDE = ("outside-client",)
OPEN = 30
"""Flows held open: one of 2^29 times all of them have the same of two backends."""


def flips_under_flows(
    service: Service,
    field: str,
    path: tuple[Client, Target],
    pods: Sequence[Pod],
    check: Check,
    *,
    ipvs: bool,
) -> None:
    """Judge TCP connections and new ones over flips to Local and back; pods[0] is the local one.

    In IPVS mode those of remote endpoints may be cut when these return (`suites.returning`).
    """
    client, target = path
    check.reaches(client, target, pods)
    returned: set[str] = set()
    with client.hold(target, OPEN, timeout=check.timeouts.answer) as held:
        for policy, reached in (("Local", pods[:1]), ("Cluster", pods)) * 2:
            service.update(**{field: policy})
            check.reaches(client, target, reached)
            returned = may_be_cut(pods[1:] if policy == "Cluster" else (), ipvs=ipvs) | returned
            require(same_backends(held.opened, held.check(), returned))


def flips_under_datagrams(
    service: Service,
    field: str,
    path: tuple[Client, Target],
    pods: Sequence[Pod],
    check: Check,
    *,
    ipvs: bool,
) -> None:
    """Judge UDP flows and new ones over flips to Local and back; pods[0] is the local one.

    IPVS mode takes a UDP endpoint away at once (IsRsGracefulTerminationNeeded in k/k
    pkg/proxy/ipvs/util/utils.go), so flows of remote endpoints have to move, after a packet that
    expires the connection (expire_nodest_conn).
    """
    client, target = path
    loose = {pod.identity for pod in pods[1:]} if ipvs else set()
    check.reaches(client, target, pods)
    with client.hold(target, OPEN, timeout=check.timeouts.answer) as held:
        for policy, reached in (("Local", pods[:1]), ("Cluster", pods)) * 2:
            service.update(**{field: policy})
            check.reaches(client, target, reached)
            if loose:
                check.until(
                    f"open flows go on after policy {policy}",
                    lambda: held_by(held.opened, held.check(), loose),
                    within=check.timeouts.programmed,
                    consecutive=1,
                )
            require(held_by(held.opened, held.check(), loose))


@case("ETP-009", feature="eTP", min_nodes=2, requires=OUTSIDE, reference=FLOWS)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_external_policy_under_flows(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    port: str,
) -> None:
    """Flows through a NodePort outlive flips of its externalTrafficPolicy; new ones follow it."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    path = (clients.outside(), service.node_target(nodes[0], port))
    judge = flips_under_flows if port == "tcp" else flips_under_datagrams
    judge(service, "externalTrafficPolicy", path, pods, check, ipvs=mode == "ipvs")


@case("ITP-003", feature="iTP", min_nodes=2, reference=FLOWS)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_internal_policy_under_flows(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    port: str,
) -> None:
    """Flows to a ClusterIP outlive flips of its internalTrafficPolicy; new ones follow it."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service()
    path = (clients.pod(nodes[0]), service.target(port))
    judge = flips_under_flows if port == "tcp" else flips_under_datagrams
    judge(service, "internalTrafficPolicy", path, pods, check, ipvs=mode == "ipvs")


@case("ETP-010", feature=("eTP", "health"), min_nodes=2, requires=OUTSIDE, reference=SYNC)
def test_external_policy_flips_fast(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    health_port: Callable[[Service], HealthPort],
    programmed: Programmed,
) -> None:
    """The last of several quick changes of externalTrafficPolicy holds, and none is a gap."""
    pods = workloads.pods(2, on=nodes[:2])
    service, outside = load_balancer(workloads, externalTrafficPolicy="Local"), clients.outside()
    port, target = health_port(service), service.node_target(nodes[0])
    check.reaches(outside, target, pods[:1])
    port.says(nodes[0], 200, local=1)
    with check.meanwhile(outside, target, in_one_sync=True):
        for _ in range(3):
            service.update(externalTrafficPolicy="Cluster")
            service.update(externalTrafficPolicy="Local")
        # One of the changes before looks like the last.
        programmed([clients.pod(nodes[0])], pods[0])
        port.says(nodes[0], 200, local=1)
        check.reaches(outside, target, pods[:1])
        for policy in ("Cluster", "Local", "Cluster"):
            service.update(externalTrafficPolicy=policy)
        programmed([clients.pod(nodes[0])], pods[0])
        check.reaches(outside, target, pods)
        port.closed(nodes[0])


@case("ITP-004", feature="iTP", min_nodes=2, reference=SYNC)
def test_internal_policy_flips_fast(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    programmed: Programmed,
) -> None:
    """The last of several quick changes of internalTrafficPolicy holds, and none is a gap."""
    pods = workloads.pods(2, on=nodes[:2])
    service, client = workloads.service(), clients.pod(nodes[0])
    check.reaches(client, service.target(), pods)
    with check.meanwhile(client, service.target()):
        for last, reached in (("Local", pods[:1]), ("Cluster", pods)) * 2:
            for policy in ("Local", "Cluster", "Local", "Cluster", last):
                service.update(internalTrafficPolicy=policy)
            # One of the changes before looks like the last.
            programmed([client], pods[0])
            check.reaches(client, service.target(), reached)
