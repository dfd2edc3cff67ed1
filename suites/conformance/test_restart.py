"""Restarts: of kube-proxy while things change, of the API server, and those that a Node causes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST
from fixtures.case import case
from fixtures.churn import flip_affinity, repeating
from suites.judges import same_backends
from suites.known_bugs import EMPTY_CHAIN, FLUSHED
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.check import Check

SERVICE = "k/k test/e2e/network/service.go"
RESTART = ("proxy-restart",)
HEALTHZ = f"http://{KUBE_PROXY_HOST}:{HEALTHZ_PORT}/healthz"


@contextmanager
def api_down(cluster: Cluster) -> Iterator[None]:
    """Have no API server during the body."""
    cluster.stop_api()
    try:
        yield
    finally:
        cluster.start_api()


@case(
    "LIFE-003",
    feature="restart",
    requires=RESTART,
    reference="k/k#92019, k/k#108319",
    known_bug=EMPTY_CHAIN,
    disruptive=True,
)
def test_ready_while_down(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """A pod that became ready while kube-proxy was down is used once it is back."""
    steady, flips = workloads.pods(2, on=nodes[:2], gated=True)
    client, target = clients.pod(nodes[0]), workloads.service().target()
    for pod in (steady, flips):
        pod.set_ready(True)
    check.reaches(client, target, [steady, flips])
    # An open connection to it keeps the pod in IPVS, with weight 0, after it became unready.
    with client.hold(target, 20, timeout=check.timeouts.answer) as held:
        flips.set_ready(False)
        check.reaches(client, target, [steady])
        with proxies.down(nodes[0]):
            flips.set_ready(True)
            # The API has it once another node's kube-proxy has it.
            check.reaches(clients.pod(nodes[-1]), target, [steady, flips], count=1)
        check.reaches(client, target, [steady, flips])
        require(same_backends(held.opened, held.check()))


@case(
    "LIFE-004",
    feature=("restart", "conntrack"),
    requires=RESTART,
    known_bug=FLUSHED,
    reference="k/k#122740",
    disruptive=True,
)
def test_udp_flows_over_a_restart(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """UDP flows keep their backends when kube-proxy is killed, and when it starts again."""
    pods = workloads.pods(3, on=nodes)
    client, target = clients.pod(nodes[0]), workloads.service().target("udp")
    check.reaches(client, target, pods)
    with client.hold(target, 20, timeout=check.timeouts.answer) as held:
        with proxies.down(nodes[0]):
            require(same_backends(held.opened, held.check()))
        require(same_backends(held.opened, held.check()))
        # The first change after a restart is what makes it look through the UDP entries.
        pods += workloads.pods(1, on=nodes[0])
        check.reaches(client, target, pods)
        require(same_backends(held.opened, held.check()))


@case(
    "LIFE-005",
    feature="API outage",
    requires=("api-restart",),
    reference=f"{SERVICE}, work after restarting apiserver",
    disruptive=True,
)
def test_api_server_outage(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
) -> None:
    """Services work on while there is no API server, and follow it when it is back."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    target = service.target()
    check.reaches(client, target, pods)
    with check.meanwhile(client, target), client.hold(target, 10) as held:
        with api_down(cluster):
            check.reaches(client, target, pods)
            for node in nodes:
                said = cluster.http(node, HEALTHZ)
                unhealthy = f"{node.name} is unhealthy without an API server: {said.body}"
                assert said.status == 200, unhealthy
        require(same_backends(held.opened, held.check()))
        pods += workloads.pods(1, on=nodes[0])
        later = workloads.service("later")
        check.reaches(client, later.target(), pods)
    check.reaches(client, target, pods)
    service.delete()
    check.silent(client, target)


@case(
    "LIFE-012",
    feature="restart",
    level="extended",
    requires=(*RESTART, "hand-made-status"),
    reference="k/k#138183",
    disruptive=True,
    since="1.37",
)
def test_node_gets_another_address(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    proxies: Proxies,
    kube: Kube,
    until: Until,
    check: Check,
    family: Family,
) -> None:
    """A Node that gets another address ends kube-proxy, whose successor goes on where it was."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    target, path = workloads.service().target(), f"/api/v1/nodes/{nodes[0].name}"
    check.reaches(client, target, pods)
    before = kube.get(path)["status"]["addresses"]
    new = {"type": "InternalIP", "address": {"ipv4": "192.0.2.7", "ipv6": "2001:db8::7"}[family]}
    with check.meanwhile(client, target):
        try:
            kube.patch(f"{path}/status", {"status": {"addresses": [new, *before]}})
            until(
                f"kube-proxy on {node.name} ends",
                lambda: cluster.http(node, HEALTHZ).status == 0,
                within=check.timeouts.programmed,
            )
            proxies.restart(node)
            later = workloads.service("later")
            check.reaches(client, later.target(), pods)
        finally:
            kube.patch(f"{path}/status", {"status": {"addresses": before}})
            proxies.restart(node)


@case(
    "LIFE-013",
    feature="restart",
    level="extended",
    min_nodes=2,
    requires=RESTART,
    reference="k/k test/e2e/network/service.go, should work after restarting kube-proxy",
    disruptive=True,
)
def test_restart_between_two_changes(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """Changes just before the kill, during the absence and just after the start are all applied."""
    pods = workloads.pods(3, on=nodes)
    client, service = clients.pod(nodes[0]), workloads.service()
    check.reaches(client, service.target(), pods)
    pods.pop().delete()
    first = workloads.service("first")
    with proxies.down(nodes[0]):
        pods.pop().delete()
        second = workloads.service("second")
        first.update(sessionAffinity="ClientIP")
    pods += workloads.pods(1, on=nodes[1])
    first.update(sessionAffinity="None")
    third = workloads.service("third")
    for made in (service, first, second, third):
        check.reaches(client, made.target(), pods)
    second.delete()
    check.silent(client, second.target())


@case(
    "LIFE-014",
    feature="restart",
    level="extended",
    min_nodes=2,
    requires=RESTART,
    reference="k/k test/e2e/network/service.go, should work after restarting kube-proxy",
    disruptive=True,
)
def test_two_restarts_during_churn(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    check: Check,
) -> None:
    """Restarted twice while Services change all the time, kube-proxy fails no connection."""
    pods = workloads.pods(2, on=nodes[:2])
    client, steady = clients.pod(nodes[0]), workloads.service("steady")
    changing = workloads.service("changing")
    check.reaches(client, steady.target(), pods)

    def change(number: int) -> None:
        flip_affinity(changing, number)
        changing.set_labels({"number": str(number)})

    with check.meanwhile(client, steady.target()), repeating(change) as changes:
        for _ in range(2):
            proxies.restart(nodes[0])
        check.until("it has changed", lambda: changes() > 10, within=check.timeouts.programmed)
        late = workloads.service("late")
        check.reaches(client, late.target(), pods)
    changing.update(sessionAffinity="None")
    for service in (steady, changing):
        check.reaches(client, service.target(), pods)
