"""Session affinity on every way into a Service, with Local policies, and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fixtures.case import case
from suites.conformance.test_affinity import SERVICE, many_endpoints, stays
from suites.judges import one_backend
from suites.oracles.verdict import Judgement, require, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check

RESTART = ("proxy-restart", "hand-made-endpoints")
RATE = 2.0
NONE: dict[str, Any] = {"sessionAffinity": "None", "sessionAffinityConfig": None}


@case(
    "AFF-002",
    feature=("affinity", "NodePort", "LoadBalancer", "ExternalIP"),
    min_nodes=2,
    requires=("outside-client",),
    reference=SERVICE,
)
def test_client_stays_on_every_way(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    address: Callable[[], str],
) -> None:
    """With ClientIP a client stays with one endpoint of a NodePort, a VIP and an externalIP."""
    pods = workloads.pods(3, on=nodes)
    external, vip = address(), address()
    service = workloads.service(
        type="LoadBalancer",
        loadBalancerClass="proxyproof.dev/by-hand",
        sessionAffinity="ClientIP",
        externalIPs=[external],
    )
    service.set_load_balancer(vip)
    ways = [
        (clients.outside(), service.node_target(nodes[0])),
        (clients.outside(1), service.node_target(nodes[1])),
        (clients.pod(nodes[0]), service.node_target(nodes[1])),
        *[(clients.pod(nodes[0]), service.at(address)) for address in (external, vip)],
        *[(clients.node(nodes[1]), service.at(address)) for address in (external, vip)],
    ]
    for client, target in ways:
        check.reaches(client, target, pods, every_pod=False, also=one_backend)
    service.update(**NONE)
    for client, target in ways:
        check.reaches(client, target, pods)


def stayed(attempts: Attempts, longest: float) -> Judgement:
    """Judge that connections, never `longest` seconds apart, all had one endpoint."""
    pauses = [
        (later - earlier) / 1e9
        for earlier, later in zip(attempts.at_ns, attempts.at_ns[1:], strict=False)
    ]
    if not attempts.ok or not pauses:
        return undecided("not every connection was answered")
    ports = [port for port in attempts.server_port if port is not None]
    if len(set(ports)) == 1:
        return right(f"all {len(ports)} connections had one endpoint")
    if max(pauses) >= longest:
        return undecided(f"the client was away for {max(pauses):.1f} s")
    moved = next(index for index, port in enumerate(ports) if port != ports[0])
    return wrong(
        f"the client came back within {max(pauses):.1f} s each time, and yet had another endpoint "
        f"after {sum(pauses[:moved]):.1f} s"
    )


@case("AFF-005", feature="affinity", requires=("hand-made-endpoints",), reference=SERVICE)
def test_new_connections_refresh(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A client that comes back within timeoutSeconds keeps its endpoint for longer than that.

    The time counts from the last new connection; packets of an open one do not restart it. In IPVS
    mode it is that of the persistence template (ip_vs_sched_persist in
    net/netfilter/ipvs/ip_vs_core.c), which when it runs out lives on for another 60 s as long as a
    connection that it made is remembered (ip_vs_conn_expire).
    """
    seconds = check.timeouts.affinity
    target = many_endpoints(workloads, nodes[0], family, seconds)
    everyone = [one for node in nodes for one in (clients.pod(node), clients.node(node))]
    for client in everyone:
        stays(check, client, target)
    options: dict[str, Any] = {
        "rate": RATE,
        "duration": 2.5 * seconds,
        "timeout": check.timeouts.answer,
    }
    running = [client.start(target, **options) for client in everyone]
    for probe in running:
        require(stayed(probe.wait(), seconds - 1))


@case(
    "AFF-007",
    feature=("affinity", "restart"),
    level="extended",
    requires=RESTART,
    reference="k/k pkg/proxy",
    disruptive=True,
)
def test_survives_restart_and_churn(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
    family: Family,
) -> None:
    """Clients keep their endpoints over other Services' changes and a kill of kube-proxy."""
    target = many_endpoints(workloads, nodes[0], family, 600)
    everyone = [one for node in nodes for one in (clients.pod(node), clients.node(node))]
    before = [stays(check, client, target) for client in everyone]
    pods = workloads.pods(2, on=nodes[0], app="other")
    other = workloads.service("other", app="other", sessionAffinity="ClientIP")
    for node in nodes:
        check.reaches(clients.pod(node), other.target(), pods, every_pod=False, also=one_backend)
    pods.pop().delete()
    for node in nodes:
        check.reaches(clients.pod(node), other.target(), pods)
    other.delete()
    for node in nodes:
        check.silent(clients.pod(node), other.target())
    assert [stays(check, client, target) for client in everyone] == before, "a change moved clients"
    for node in nodes:
        proxies.restart(node)
    assert [stays(check, client, target) for client in everyone] == before, "a restart moved them"


@case(
    "AFF-008",
    feature=("affinity", "eTP", "iTP"),
    level="extended",
    min_nodes=2,
    requires=("outside-client",),
    reference="k/k pkg/proxy/topology.go",
)
def test_stays_with_a_local_endpoint(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """With Local policies each client stays with one endpoint, and it is one of the node's."""
    local = {node.name: workloads.pods(2, on=node) for node in nodes[:2]}
    policies: dict[str, Any] = {"internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local"}
    service = workloads.service(type="NodePort", sessionAffinity="ClientIP", **policies)
    ways = [
        (client, target, local[node.name])
        for node in nodes[:2]
        for client, target in (
            (clients.pod(node), service.target()),
            (clients.node(node), service.target()),
            (clients.outside(), service.node_target(node)),
            (clients.outside(1), service.node_target(node)),
        )
    ]
    for client, target, pods in ways:
        check.reaches(client, target, pods, every_pod=False, also=one_backend)
    service.update(**NONE)
    for client, target, pods in ways:
        check.reaches(client, target, pods)
