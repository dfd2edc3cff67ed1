"""NodePorts at 127.0.0.1 and ::1, which each mode treats in its own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.protocol import KUBE_PROXY_HOST, METRICS_PORT
from fixtures.case import case
from fixtures.clients import Target
from fixtures.metrics import parse_samples
from suites.answers import Answers
from suites.judges import one_backend
from suites.known_bugs import LISTED_LATER
from suites.oracles.verdict import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.surroundings import Entry
    from fixtures.workloads import Service, Workloads
    from suites.check import Check

LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}
KEP = "KEP-6032, KubeProxyNFTablesLocalhostNodePorts"
GATE = {"featureGates": {"KubeProxyNFTablesLocalhostNodePorts": True}}
PRIMARY = {**GATE, "nodePortAddresses": ["primary"]}
LOCALHOST = {**GATE, "nodePortAddresses": ["primary", "localhost"]}
REJECTED = "kubeproxy_nftables_localhost_nodeport_rejected_packets_total"


def localhost(service: Service, family: Family, port: str = "tcp") -> Target:
    """Return a Service's NodePort at the loopback address."""
    found = service.port(port)
    return Target(LOOPBACK[family], found["nodePort"], found["protocol"].lower())


@case(
    "NP-007",
    feature="NodePort",
    level="extended",
    min_nodes=2,
    reference="k/k test/e2e/network/localhost_nodeports.go",
)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_localhost(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    family: Family,
    port: str,
) -> None:
    """A node reaches all endpoints at 127.0.0.1 in iptables mode; else its loopback refuses."""
    pods = workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    for node in nodes[:2]:
        check.reaches(clients.node(node), service.node_target(node, port), pods)
        if (mode, family) == ("iptables", "ipv4"):
            check.reaches(clients.node(node), localhost(service, family, port), pods)
        else:
            check.refuses(clients.node(node), localhost(service, family, port))


@case(
    "NP-008",
    feature=("NodePort", "affinity"),
    level="extended",
    modes=("nftables",),
    min_nodes=2,
    reference=KEP,
    since="1.37",
    disruptive=True,
)
def test_localhost_in_nftables_mode(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    check: Check,
    family: Family,
    proxies: Proxies,
) -> None:
    """With localhost listed TCP is proxied there, affinity is kept, UDP is refused and counted."""
    pods, node = workloads.pods(2, on=nodes[:2]), nodes[0]
    service = workloads.service(type="NodePort")
    proxies.configure([node], LOCALHOST)
    itself, target = clients.node(node), localhost(service, family)
    check.reaches(itself, target, pods)
    service.update(sessionAffinity="ClientIP")
    check.reaches(itself, target, pods, every_pod=False, also=one_backend)
    service.update(sessionAffinity="None")
    check.reaches(itself, target, pods)
    check.refuses(itself, localhost(service, family, "udp"))
    check.until(
        f"{node.name} counts refused UDP",
        lambda: counts_rejected(Answers(cluster, recorder), node, "UDP", family),
        within=check.timeouts.programmed,
    )
    service.update(externalTrafficPolicy="Local")
    check.reaches(itself, target, pods[:1])
    pods[0].delete()
    check.refuses(itself, target)


def counts_rejected(answers: Answers, node: Node, protocol: str, family: Family) -> Judgement:
    """Judge whether the node counts packets of a protocol that its loopback refused."""
    said = answers.get(node, KUBE_PROXY_HOST, METRICS_PORT, "/metrics")
    counted = parse_samples(said.body).get(REJECTED, {})
    packets = sum(
        value
        for labels, value in counted.items()
        if f'"{protocol}"' in labels and family.replace("ipv", "IPv") in labels
    )
    return Judgement(packets > 0, f"{node.name} counts {packets:g} refused {protocol}: {counted}")


@case(
    "NP-009",
    feature="NodePort",
    level="extended",
    modes=("nftables",),
    reference=f"{KEP}; k/k #142183",
    since="1.37",
    known_bug=LISTED_LATER,
    disruptive=True,
)
def test_localhost_listed_later(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    proxies: Proxies,
) -> None:
    """Localhost follows the configuration of a restarted kube-proxy, listed and unlisted."""
    pods, node = workloads.pods(2, on=nodes[:2]), nodes[0]
    service = workloads.service(type="NodePort")
    itself, target = clients.node(node), localhost(service, family)
    for _ in range(2):
        proxies.configure([node], PRIMARY)
        check.reaches(itself, service.node_target(node), pods)
        check.refuses(itself, target)
        proxies.configure([node], LOCALHOST)
        check.reaches(itself, service.node_target(node), pods)
        check.reaches(itself, target, pods)


@case(
    "NP-010",
    feature=("NodePort", "security"),
    level="extended",
    requires=("outside-client", "outside-route", "host-network"),
    reference="CVE-2020-8558, k/k #90259",
)
def test_loopback_is_closed_to_others(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    entry: Entry,
    host_port: Callable[[], int],
) -> None:
    """What listens on a node's loopback answers the node, and nobody who sends to it from outside.

    In iptables mode kube-proxy sets route_localnet, and so has to keep others out itself.
    """
    node, number = nodes[0], host_port()
    daemon = workloads.pods(1, on=node, serve=(f"tcp:{number}",), host_network=True)
    loopback = Target(LOOPBACK[family], number)
    check.reaches(clients.node(node), loopback, daemon)
    outside = entry.by(node, loopback.host)
    check.reaches(outside, Target(node.addresses[family], number), daemon)
    check.drops(outside, loopback)
