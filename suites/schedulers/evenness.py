"""The evenness experiment: flows of each kind on a node of each scheduler and mode."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from suites.judges import unbroken
from suites.oracles.verdict import Judgement, right, wrong
from suites.schedulers.flows import KINDS, Flows, interval, variation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.services import Service
    from fixtures.workloads import Workloads

ENDPOINTS = 4
REPEATS = 5

PORTS = tuple(
    {"name": f"{kind}-{repeat}", "protocol": "TCP", "port": 100 + number, "targetPort": 8080}
    for number, (kind, repeat) in enumerate(
        (kind, repeat) for kind in ("ready", *KINDS) for repeat in range(REPEATS)
    )
)


@dataclass
class Measured:
    """What one node's flows came to: coefficients of variation by what was counted."""

    flows: Flows
    variations: dict[str, list[float]] = field(default_factory=dict)
    slow_shares: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, tuple[float, float, float]]:
        """Return mean and 95% interval of each coefficient of variation."""
        return {name: interval(values) for name, values in self.variations.items()}


class Evenness:
    """Measures once, on nodes that have their schedulers or modes already."""

    def __init__(self, workloads: Workloads, clients: Clients) -> None:
        self.workloads = workloads
        self.clients = clients
        self.sites: list[Measured] = []

    def run(self, nodes: Sequence[Node]) -> None:
        """Make all flows on all nodes, each kind several times, each time a fresh server."""
        pods = self.workloads.pods(ENDPOINTS)
        service = self.workloads.service(ports=PORTS)
        identities = [pod.identity for pod in pods]
        self.sites = [Measured(Flows(self.clients.pod(node), identities)) for node in nodes]
        self.workloads.until(
            f"{len(nodes)} nodes serve",
            lambda: self._served(service),
            within=self.workloads.timeouts.programmed,
        )
        self.workloads.until_settled("kube-proxy on all nodes has done what it knew of")
        with ThreadPoolExecutor(len(self.sites)) as pool:
            list(pool.map(lambda site: measure(site, service), self.sites))

    def _served(self, service: Service) -> Judgement:
        for site in self.sites:
            target = service.target("ready-0")
            seen = site.flows.client.probe(
                target, ENDPOINTS, timeout=self.workloads.timeouts.answer
            )
            if (judged := unbroken(seen, f"to {target}")).ok is not True:
                return wrong(judged.sentence)
        return right("all answer")


def measure(site: Measured, service: Service) -> None:
    """Make the flows of one node."""
    endpoints = site.flows.endpoints
    for repeat in range(REPEATS):
        for kind, make in KINDS.items():
            for name, counts in make(site.flows, service.target(f"{kind}-{repeat}")).items():
                site.variations.setdefault(name, []).append(variation(counts, endpoints))
                if kind == "slow":
                    site.slow_shares.append(counts[endpoints[0]] / counts.total())
