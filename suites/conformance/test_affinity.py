"""Session affinity by client address: one client stays with one endpoint while it comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.case import case
from suites.judges import one_backend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go, session affinity"
PORTS = range(9000, 9032)
RESET_KEPT = 10
"""Seconds that IPVS keeps a connection after its RST: IP_VS_TCP_S_CLOSE in ip_vs_proto_tcp.c."""


@case("AFF-001", feature="affinity", min_nodes=2, reference=SERVICE)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_client_stays(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check, port: str
) -> None:
    """With ClientIP all connections of one client go to one endpoint, whatever their port."""
    pods = workloads.pods(3, on=nodes)
    service = workloads.service(sessionAffinity="ClientIP")
    for client in (clients.pod(nodes[0]), clients.node(nodes[1])):
        check.reaches(client, service.target(port), pods, every_pod=False, also=one_backend)


@case("AFF-003", feature="affinity", min_nodes=2, reference=SERVICE)
def test_toggled(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Affinity switched on makes a client stay, and switched off lets it spread again."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    check.reaches(client, service.target(), pods)
    service.update(sessionAffinity="ClientIP")
    check.reaches(client, service.target(), pods, every_pod=False, also=one_backend)
    service.update(sessionAffinity="None", sessionAffinityConfig=None)
    check.reaches(client, service.target(), pods)


@case("AFF-004", feature="affinity", requires=("hand-made-endpoints",), reference=SERVICE)
def test_expires(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    until: Until,
    family: Family,
    mode: str,
) -> None:
    """A client that stays away for longer than timeoutSeconds may get another endpoint.

    Each of six clients gets one of 32 endpoints again by chance in one of 32 cases, and all of
    them in one of 10^9. In IPVS mode a client is remembered while a connection of its is
    (ip_vs_conn_expire in net/netfilter/ipvs/ip_vs_conn.c), so the time has to be longer there.
    """
    seconds = check.timeouts.affinity if mode != "ipvs" else RESET_KEPT + 2
    target = many_endpoints(workloads, nodes[0], family, seconds)
    everyone = [one for node in nodes for one in (clients.pod(node), clients.node(node))]
    before = [stays(check, client, target) for client in everyone]
    end = time.monotonic() + seconds + 1.5
    until("the clients stay away", lambda: time.monotonic() > end, within=60, consecutive=1)
    after = [stays(check, client, target) for client in everyone]
    assert before != after, f"all clients still have their endpoints {seconds + 1.5} s later"


def many_endpoints(workloads: Workloads, node: Node, family: Family, seconds: int) -> Target:
    """Return a Service with one endpoint per port of a single pod."""
    pod = workloads.pods(1, on=node, serve=[f"tcp:{port}" for port in PORTS])[0]
    client_ip: dict[str, Any] = {"clientIP": {"timeoutSeconds": seconds}}
    web = {"name": "tcp", "port": 80, "protocol": "TCP"}
    service = workloads.service(
        app=None, ports=[web], sessionAffinity="ClientIP", sessionAffinityConfig=client_ip
    )
    entry = {"addresses": [pod.addresses[family]], "conditions": {"ready": True}}
    for port in PORTS:
        ports = [{"name": "tcp", "port": port, "protocol": "TCP"}]
        service.set_endpoints([entry], ports=ports, suffix=str(port))
    return service.target()


def stays(check: Check, client: Client, target: Target) -> int:
    """Return the one server port that a client reaches again and again."""
    found: list[int] = []

    def same() -> bool:
        attempts = client.probe(target, 10, timeout=check.timeouts.answer)
        found[:] = [port for port in attempts.server_port if port is not None]
        return attempts.ok and len(set(found)) == 1

    check.until(
        f"{client.name} stays with one endpoint of {target}",
        same,
        within=check.timeouts.programmed,
    )
    check.until_settled(client, target)
    return found[0]


@case("AFF-006", feature="affinity", min_nodes=2, reference="k/k #106030")
def test_moves_when_the_endpoint_goes(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A client whose endpoint goes away moves to another one, and stays there."""
    pods = workloads.pods(3, on=nodes)
    client = clients.pod(nodes[0])
    target = workloads.service(sessionAffinity="ClientIP").target()
    while len(pods) > 1:
        attempts = check.reaches(client, target, pods, every_pod=False, also=one_backend)
        gone = next(pod for pod in pods if pod.identity in attempts.by_backend())
        pods.remove(gone)
        gone.delete()
    check.reaches(client, target, pods)
