"""The scheduler experiment: the same traffic on a node of each scheduler, at the same time.

All nodes serve the same Service, whose ports are virtual servers of their own: one gets short
connections, one connections that stay, also by NodePort, one short ones beside one that stays, one
UDP flows. Then an endpoint comes, and goes again. Every connection is kept with what is known of
it, and the cases judge what was kept.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fixtures.kernel_state import joined
from suites.oracles.schedulers.hashing import hash_slot
from suites.oracles.verdict import Judgement, right, wrong
from suites.schedulers.ipvs import BACKEND_PORT
from suites.schedulers.site import Server, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.clients import Client
    from fixtures.provide import Clients
    from fixtures.services import Service
    from fixtures.workloads import Pod, Workloads

ENDPOINTS = 4
OTHERS = 4
"""Further clients of a node, at most; a hash of the client takes two that differ to show."""

PORTS = tuple(
    {"name": name, "protocol": protocol, "port": port, "targetPort": 8080}
    for name, protocol, port in (
        ("short", "TCP", 81),
        ("held", "TCP", 82),
        ("mixed", "TCP", 83),
        ("udp", "UDP", 84),
        ("many", "TCP", 85),
    )
)
TRACED = ("short", "held", "mixed", "udp")
"""The servers whose traffic tells the scheduler: they share an address."""

JUDGED = (*TRACED, "node")
"""The servers that are compared with the model: the last is the NodePort of "held"."""

MANY = 1000
"""Connections that tell a choice by load from an even one, where the choice is random."""


class Experiment:
    """Runs once, on nodes that have their schedulers already; `sites` has what was seen."""

    def __init__(self, workloads: Workloads, clients: Clients) -> None:
        self.workloads = workloads
        self.clients = clients
        self.sites: list[Site] = []

    def run(self, nodes: Sequence[Node]) -> None:
        """Make the traffic; raises AssertionError when a node does not get what it should have."""
        pods = self.workloads.pods(ENDPOINTS)
        late = self.workloads.pods(1, gated=True)[0]
        service = self.workloads.service(type="NodePort", ports=PORTS)
        self.sites = [self._site(node, service, pods, late) for node in nodes]
        self._until_usable(ENDPOINTS)
        for site in self.sites:
            site.begin()
        try:
            self._everywhere(first)
            late.set_ready(True)
            self._until_usable(ENDPOINTS + 1)
            self._everywhere(lambda site: site.came(self._endpoint(late)))
            self._everywhere(again)
            late.set_ready(False)
            self._until_usable(ENDPOINTS)
            self._everywhere(lambda site: site.went(self._endpoint(late)))
            self._everywhere(again)
        finally:
            self._everywhere(Site.release)

    def _site(self, node: Node, service: Service, pods: Sequence[Pod], late: Pod) -> Site:
        names = {self._endpoint(pod): pod.identity for pod in [*pods, late]}
        servers = {str(port["name"]): Server(service.target(str(port["name"]))) for port in PORTS}
        servers["node"] = Server(service.node_target(node, "held"))
        main = self.clients.pod(node)
        clients = [main, *self._others(node, main)]
        known, patience = list(names)[:-1], self.workloads.timeouts.answer
        return Site(self.workloads.cluster, node, clients, servers, names, known, patience)

    def _others(self, node: Node, main: Client) -> list[Client]:
        """Run clients on the node until a hash of the client's address sends one elsewhere."""
        family = self.workloads.family
        others: list[Client] = []
        place = hash_slot(main.addresses[family]) % ENDPOINTS
        while len(others) < OTHERS:
            pod = self.workloads.pods(1, on=node, app="other", serve=())[0]
            others.append(pod.client)
            if hash_slot(pod.addresses[family]) % ENDPOINTS != place:
                break
        return others

    def _until_usable(self, count: int) -> None:
        self.workloads.until(
            f"{count} endpoints are in the kernels of {len(self.sites)} nodes",
            lambda: self._usable(count),
            within=self.workloads.timeouts.programmed,
        )
        # A virtual server is there before its address and port are in the sets of those that are
        # not refused (syncProxyRules in k/k pkg/proxy/ipvs/proxier.go).
        self.workloads.until_settled("kube-proxy on all nodes has done what it knew of")

    def _usable(self, count: int) -> Judgement:
        for site in self.sites:
            for name, found in site.usable().items():
                if found != count:
                    return wrong(f"{site.node.name} has {found} for {name}, not {count}")
        return right(f"all have {count}")

    def _everywhere(self, work: Callable[[Site], None]) -> None:
        with ThreadPoolExecutor(max(1, len(self.sites))) as pool:
            list(pool.map(work, self.sites))

    def _endpoint(self, pod: Pod) -> str:
        address = pod.addresses[self.workloads.family]
        return joined(address, BACKEND_PORT)


def first(site: Site) -> None:
    """Make the traffic of a fresh Service."""
    site.connect("short", 12)
    for other in range(1, len(site.clients)):
        site.connect("short", 3, client=other)
    site.hold("held", 7)
    site.hold("held", 3)
    site.hold("node", 10)
    site.hold("mixed", 1)
    site.connect("mixed", 12)
    site.connect("udp", 12)
    if site.configured == "twos":
        site.connect("many", MANY)


def again(site: Site) -> None:
    """Make some more, after a change; room for some has been made by then."""
    site.connect("short", 8)
    for other in range(1, len(site.clients)):
        site.connect("short", 2, client=other)
    site.close_first("held")
    site.hold("held", 5)
    site.hold("node", 3)
    site.connect("mixed", 4)
    site.connect("udp", 4)
