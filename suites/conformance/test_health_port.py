"""The healthCheckNodePort of a Service: what it says while pods, kube-proxy or the port fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.stuck import impatient, stuck
from suites.batching import OneSync
from suites.health_port import port_taken, warned
from suites.load_balancing import load_balancer
from suites.terminating import SERVES_ON, end, terminate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Service, Workloads
    from suites.check import Check
    from suites.health_port import HealthPort

SERVICE = "k/k test/e2e/network/service.go"
HEALTH = "k/k pkg/proxy/healthcheck/service_health.go"
OUTSIDE = ("outside-client",)
OK, UNAVAILABLE = 200, 503


@case(
    "ETP-006",
    feature=("eTP", "health", "terminating"),
    min_nodes=2,
    requires=OUTSIDE,
    reference=f"{SERVICE}, fail health check node port if only terminating endpoints",
)
def test_only_terminating(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """The health check port says 503 once a node's pods only terminate; they serve on meanwhile."""
    old = workloads.pods(1, on=nodes[0], extra_args=SERVES_ON)
    service, outside = load_balancer(workloads, externalTrafficPolicy="Local"), clients.outside()
    port, here = health_port(service), nodes[0]
    check.reaches(outside, service.node_target(here), old)
    port.says(here, OK, local=1)
    with check.meanwhile(outside, service.node_target(here)):
        terminate(service, old)
        port.says(here, UNAVAILABLE, local=0)
        check.reaches(outside, service.node_target(here), old)
        new = workloads.pods(1, on=here)
        port.says(here, OK, local=1)
        check.reaches(outside, service.node_target(here), new)
    end(old)
    check.reaches(outside, service.node_target(here), new)
    port.says(here, OK, local=1)


@case(
    "ETP-007",
    feature=("eTP", "health"),
    requires=("proxy-restart", "node-access"),
    reference=f"{HEALTH}; k/k #115825, #111661",
    disruptive=True,
)
def test_stuck_proxy(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """The health check port says 503 while kube-proxy cannot program, and 200 when it can again."""
    node, client = nodes[0], clients.pod(nodes[0])
    pods = workloads.pods(2, on=node)
    service = load_balancer(workloads, externalTrafficPolicy="Local")
    port = health_port(service)
    with impatient(cluster, node):
        port.says(node, OK, local=2)
        victim = workloads.service("victim", sessionAffinity="ClientIP")
        check.reaches(client, victim.target(), pods, every_pod=False)
        with stuck(cluster, node, workloads.family, victim, check.until):
            port.says(node, UNAVAILABLE, local=2, healthy=False)
            check.reaches(client, service.target(), pods)
        port.says(node, OK, local=2)
        check.silent(client, victim.target())


@case("ETP-008", feature=("eTP", "health"), min_nodes=2, reference=HEALTH)
def test_port_conflict(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kube: Kube,
    check: Check,
    mode: str,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """A health check port taken by another program is a warning event; all else works, then it."""
    here, there = nodes[0], nodes[-1]
    pods = workloads.pods(2, on=[here, there])
    service = load_balancer(workloads, externalTrafficPolicy="Local")
    port = health_port(service)
    port.says(here, OK, local=1)
    service.delete()
    port.closed(here)
    with port_taken(clients.node(here), port.number):
        service.recreate()
        port.says(there, OK, local=1)
        check.until(
            f"an event warns of port {port.number} on {here.name}",
            lambda: warned(kube, service, here, port.number),
            within=check.timeouts.programmed,
        )
        check.reaches(clients.pod(here), service.target(), pods)
        # IPVS has one virtual server for clients from outside and inside, so it stays local for
        # both (syncEndpoint in k/k pkg/proxy/ipvs/proxier.go).
        reached = pods[:1] if mode == "ipvs" else pods
        check.reaches(clients.node(here), service.node_target(here), reached)
    # The next sync, whatever it is for, tries again.
    workloads.pods(1, on=here)
    port.says(here, OK, local=2)


@case(
    "ETP-013",
    feature=("eTP", "health", "batching"),
    level="extended",
    requires=("proxy-restart",),
    reference=f"{HEALTH} SyncServices",
    disruptive=True,
)
def test_port_changes_in_one_sync(
    workloads: Workloads,
    nodes: Sequence[Node],
    cluster: Cluster,
    proxies: Proxies,
    check: Check,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """A health check port that is another one after a single sync is open there, and there only.

    A Service gets another one when its externalTrafficPolicy was Cluster for a moment.
    """
    node = nodes[0]
    workloads.pods(1, on=node)
    service = load_balancer(workloads, externalTrafficPolicy="Local")
    port, one_sync = health_port(service), OneSync(workloads, cluster, proxies, check, node)
    port.says(node, OK, local=1)
    before = port.number
    one_sync()
    while service.spec["healthCheckNodePort"] == before:
        service.update(externalTrafficPolicy="Cluster")
        service.update(externalTrafficPolicy="Local")
    port.closed(node)
    port.says(node, OK, local=1)
