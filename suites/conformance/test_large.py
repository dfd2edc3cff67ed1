"""Much at once: payloads of many packets, hundreds of endpoints, names of the greatest length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.many_addresses import many_addresses
from fixtures.slices import PORTS, Slices, endpoint
from fixtures.workloads import DEFAULT_PORTS
from suites.judges import unbroken
from suites.known_bugs import LONG_NAMES
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import require
from suites.reaching import ALPHA
from suites.routes import forgets_fragments
from suites.spread import all_addresses, evenly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.verdict import Judgement

NETWORKING = "k/k test/e2e/network/networking.go, Granular Checks: Services"
SLICES = "k/k test/e2e/network/endpointslice.go, multiple IPs in multiple slices"
BYTES = {"tcp": 500_000, "udp": 4_000}
"""Hundreds of segments of one connection, and a datagram of three fragments."""

LONGEST = 63
"""Characters of a namespace's, a Service's or a port's name (RFC 1123 label)."""


@case("SVC-016", feature="endpoints", reference="k/k pkg/proxy/*/proxier.go, endpoint rules")
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_load_is_split(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    port: str,
) -> None:
    """Connections are spread evenly over the endpoints, also after one more came and one went."""
    pods = workloads.pods(3, on=nodes[:2])
    client, target = clients.pod(nodes[0]), workloads.service().target(port)
    for _ in range(3):
        check.reaches(client, target, pods)
        attempts = client.probe(target, 600, timeout=check.timeouts.answer)
        names = [pod.identity for pod in pods]
        require(evenly(attempts, names, mode, alpha=ALPHA))
        if len(pods) == 3:
            pods += workloads.pods(1, on=nodes[0])
        else:
            pods.pop(0).delete()
            pods.pop(0).delete()


@case(
    "SVC-017",
    feature=("data path", "NodePort"),
    min_nodes=2,
    requires=("outside-client", "node-access"),
    reference=f"{NETWORKING}, large requests",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_large_payload(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    mode: str,
    port: str,
) -> None:
    """What takes many packets arrives whole, on the same node, on another, and from outside.

    In IPVS mode the kernel keeps some datagrams from being fragmented, whatever kube-proxy does: a
    node's own, as the address is its own and lo takes them whole, but the route to the endpoint
    does not, which ends in EMSGSIZE (ensure_mtu_is_adequate in net/netfilter/ipvs/ip_vs_xmit.c),
    and those of IPv6 that a pod sends through some bridges (`forgets_fragments`).
    """
    pods, service = workloads.pods(2, on=nodes[:2]), workloads.service(type="NodePort")
    outside = (clients.outside(), service.node_target(nodes[0], port))
    inside, pod = service.target(port), clients.pod(nodes[0])
    asked = [outside, (pod, inside), (clients.node(nodes[0]), inside)]
    if (mode, port) == ("ipvs", "udp"):
        cut = family == "ipv6" and forgets_fragments(cluster, nodes[0], pod.addresses[family])
        asked = asked[: 1 if cut else 2]
    for client, target in asked:
        check.reaches(client, target, pods, count=10, payload=BYTES[port])


@case(
    "SVC-025",
    feature="robustness",
    known_bug=LONG_NAMES,
    reference="k/k #139515, #139516",
    # Where it is wrong, it takes every other Service along.
    disruptive=True,
)
def test_longest_names(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service with the longest names works like others, and does not hold them up."""
    client, name = clients.pod(nodes[0]), "p" * LONGEST
    ports = [{"name": name, "port": 80, "targetPort": 8080}]
    service = workloads.service("s" * LONGEST, app="long", ports=ports)
    pods = workloads.pods(2, on=nodes[:2])
    check.refuses(client, service.target(name))
    check.reaches(client, workloads.service("canary").target(), pods)
    long = workloads.pods(2, on=nodes[:2], app="long")
    check.reaches(client, service.target(name), long)
    service.delete()
    check.silent(client, service.target(name))
    check.reaches(client, workloads.service("later").target(), pods)


@case(
    "SVC-032",
    feature="slices",
    requires=("hand-made-endpoints", "node-access"),
    reference=SLICES,
    disruptive=True,
)
def test_250_endpoints(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    mode: str,
) -> None:
    """A Service reaches each of 250 endpoints in three slices, and none of a slice that is gone."""
    pod = workloads.pods(1, on=nodes[0])[0]
    service, client = workloads.service(app=None), clients.pod(nodes[0])
    slices = Slices(service)
    with many_addresses(cluster, nodes[0], pod, family, 250) as addresses:
        for name in range(3):
            slices.write(str(name), [endpoint(a, pod.node) for a in addresses[name::3]])
        # Enough to miss a single endpoint that is never chosen.
        enough = never_chosen_samples(250, ALPHA)
        many_answer(check, client, service.target(), addresses, mode, enough)
        slices.delete("1")
        kept = [a for a in addresses if a not in addresses[1::3]]
        many_answer(check, client, service.target(), kept, mode, 1000)


@case(
    "SVC-033",
    feature=("slices", "scale"),
    level="extended",
    requires=("hand-made-endpoints", "node-access"),
    reference="k/k pkg/proxy/iptables/proxier.go largeClusterMode",
    disruptive=True,
)
def test_1000_endpoints(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    mode: str,
) -> None:
    """A Service of 1,000 endpoints in ten slices follows each slice, down to a tenth and back.

    With a port of one protocol only: IPVS mode lists all endpoints for each that it deletes, which
    takes minutes for two (DeleteRs in k/k pkg/proxy/ipvs/graceful_termination.go).
    """
    pod = workloads.pods(1, on=nodes[0])[0]
    service = workloads.service(app=None, ports=DEFAULT_PORTS[:1])
    client, slices = clients.pod(nodes[0]), Slices(service, PORTS[:1])
    with many_addresses(cluster, nodes[0], pod, family, 1000) as addresses:
        for used in (10, 1, 10):
            for name in range(10):
                entries = [endpoint(a, pod.node) for a in addresses[name::10]]
                slices.write(str(name), entries if name < used else [])
            kept = [a for index, a in enumerate(addresses) if index % 10 < used]
            many_answer(check, client, service.target(), kept, mode, 3000)


def many_answer(
    check: Check, client: Client, target: Target, addresses: list[str], mode: str, count: int
) -> None:
    """Judge that these addresses answer and no others, over `count` connections."""

    def judged(number: int) -> Judgement:
        attempts = client.probe(target, number, timeout=check.timeouts.answer)
        return all_addresses(attempts, addresses, mode, alpha=ALPHA)

    def holds() -> Judgement:
        # One first: while the change has not arrived, an attempt may cost a timeout.
        first = client.probe(target, 1, timeout=check.timeouts.drop)
        broken = unbroken(first, "to many endpoints")
        return judged(len(addresses)) if broken.ok is True else broken

    check.until(
        f"{client.name} reaches {len(addresses)} endpoints at {target}",
        holds,
        within=check.timeouts.programmed,
    )
    check.until_settled(client, target)
    require(judged(max(count, len(addresses))))
