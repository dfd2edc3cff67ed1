"""At which of a node's addresses its NodePorts are: by default, by configuration, by VIP."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.clients import Target
from suites.answers import Answers
from suites.load_balancing import load_balancer
from suites.routes import source_towards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.surroundings import Entry, NodeAddresses
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.check import Check

ADDRESSES = "k/k pkg/proxy/util/nodeport_addresses.go"
NEEDS = ("outside-client", "outside-route", "node-access")


@case("NP-005", feature="NodePort", requires=NEEDS, reference=ADDRESSES, disruptive=True)
@pytest.mark.parametrize("port", ["tcp", "udp"])
def test_default_addresses(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    mode: str,
    address: Callable[[], str],
    entry: Entry,
    node_addresses: NodeAddresses,
    port: str,
) -> None:
    """A NodePort is at every address of the node, in nftables mode at its InternalIP only."""
    pods, node = workloads.pods(2, on=nodes[:2]), nodes[0]
    inside = clients.pod(node)
    second = node_addresses.give(node, address())
    # The address of its node by which a pod leaves: one that is not the InternalIP.
    gateway = source_towards(cluster, node, inside.addresses[family])
    service = workloads.service(type="NodePort")
    outside = entry.by(node, second)
    first = service.node_target(node, port)
    for client in (outside, inside, clients.node(node)):
        check.reaches(client, first, pods)
    further = [(outside, second), (inside, second), (inside, gateway), (clients.node(node), second)]
    for client, place in further:
        target = replace(first, host=place)
        if mode == "nftables":
            check.refuses(client, target)
        else:
            check.reaches(client, target, pods)


def expand(listed: Sequence[str], addresses: Mapping[str, str]) -> list[str]:
    """Return the configuration's list, with the addresses that are meant by name as CIDRs."""
    by_name = {name: ip_network(address) for name, address in addresses.items()}
    around = {
        f"around {name}": net.supernet(8 * (1 + net.version // 6)) for name, net in by_name.items()
    }
    return [str((by_name | around).get(each, each)) for each in listed]


CIDRS = {
    "further": ("further",),
    "internal and further": ("internal", "further"),
    "a range": ("around internal",),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "any": ("0.0.0.0/0", "::/0"),
}
KEYWORDS = {
    "primary": ("primary",),
    "primary and a CIDR": ("primary", "further"),
    "localhost and a CIDR": ("localhost", "further"),
    "all": ("all",),
}
MEANS = {
    "internal": {"internal", "around internal", "primary", "0.0.0.0/0", "all"},
    "further": {"further", "0.0.0.0/0", "all"},
}
"""For each of the node's two addresses, the words in a list that mean it."""


@case("NP-006", feature="NodePort", requires=NEEDS, reference=ADDRESSES, disruptive=True)
def test_configured_addresses(listing_judge: Callable[[str, Sequence[str]], None]) -> None:
    """Whatever CIDRs nodePortAddresses has, one list after another, ports are there, not elsewhere.

    NodePorts and healthCheckNodePorts; what an earlier list opened has to close.
    """
    for name, listed in CIDRS.items():
        listing_judge(name, listed)


@case(
    "NP-013",
    feature="NodePort",
    level="extended",
    requires=NEEDS,
    reference=f"{ADDRESSES}; cmd/kube-proxy/app/server.go, expandNodePortAddressKeywords",
    disruptive=True,
    since="1.37",
)
def test_configured_by_keyword(listing_judge: Callable[[str, Sequence[str]], None]) -> None:
    """The words primary, localhost and all in nodePortAddresses mean what they say, with CIDRs."""
    for name, listed in KEYWORDS.items():
        listing_judge(name, listed)


@pytest.fixture
def listing_judge(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    until: Until,
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
    node_addresses: NodeAddresses,
    proxies: Proxies,
) -> Callable[[str, Sequence[str]], None]:
    """Configure a node with a list, and judge at which of its two addresses its ports are."""
    node, answers = nodes[0], Answers(cluster, recorder)
    places = {
        "internal": node.addresses[family],
        "further": node_addresses.give(node, address()),
    }
    outside = entry.by(node, places["further"])
    pods = workloads.pods(1, on=node)
    service = load_balancer(workloads, externalTrafficPolicy="Local")

    check.reaches(clients.pod(node), service.target(), pods)

    def judge(named: str, listed: Sequence[str]) -> None:
        proxies.configure([node], {"nodePortAddresses": expand(listed, places)})
        check.reaches(clients.pod(node), service.target(), pods)
        for name, place in places.items():
            meant = bool(MEANS[name].intersection(listed))
            target = replace(service.node_target(node), host=place)
            if meant:
                check.reaches(outside, target, pods)
            else:
                check.refuses(outside, target)
            until(
                f"the health check of {node.name} is {'' if meant else 'not '}at {place} ({named})",
                partial(
                    answers.judge,
                    node,
                    place,
                    service.spec["healthCheckNodePort"],
                    status=200 if meant else 0,
                ),
                within=check.timeouts.programmed,
            )

    return judge


@case(
    "LB-008",
    feature=("LoadBalancer", "ExternalIP"),
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "host-network"),
    reference="k/k #114815, #117613",
    disruptive=True,
)
@pytest.mark.parametrize("kind", ["VIP", "externalIP"])
def test_vip_that_is_an_address_of_the_node(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    check: Check,
    mode: str,
    address: Callable[[], str],
    host_port: Callable[[], int],
    entry: Entry,
    node_addresses: NodeAddresses,
    kind: str,
) -> None:
    """A VIP or externalIP that a node itself has is served there, and so is all else there."""
    pods, node, number = workloads.pods(2, on=nodes[:2]), nodes[0], host_port()
    host = workloads.pods(1, on=node, app="host", serve=(f"tcp:{number}",), host_network=True)
    vip = node_addresses.give(node, address())
    outside = entry.by(node, vip)
    service = load_balancer(workloads, externalTrafficPolicy="Cluster")
    if kind == "VIP":
        service.set_load_balancer(vip)
    else:
        service.update(externalIPs=[vip])
    for client in (outside, clients.pod(node), clients.node(node)):
        check.reaches(client, service.at(vip), pods)
        check.reaches(client, Target(vip, number), host)
    watched = load_balancer(workloads, name="watched", externalTrafficPolicy="Local")
    port = watched.spec["healthCheckNodePort"]
    if mode != "nftables":  # where it is not at this address, see NP-005
        answers = Answers(cluster, recorder)
        check.until(
            f"the health check of {node.name} answers at {vip}",
            partial(answers.judge, node, vip, port),
            within=check.timeouts.programmed,
        )
