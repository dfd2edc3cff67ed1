"""What externalTrafficPolicy Local promises of an address that is not the node's own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from suites.check import sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.services import Service
    from fixtures.surroundings import Entry
    from fixtures.workloads import Pod
    from suites.check import Check


class LocalPolicy:
    """Judges addresses of Services with policy Local and endpoints on the first node only."""

    def __init__(
        self, check: Check, clients: Clients, entry: Entry, nodes: Sequence[Node], mode: str
    ) -> None:
        self.check, self.clients, self.entry, self.mode = check, clients, entry, mode
        self.first, self.bare = nodes[0], nodes[-1]

    def holds(self, service: Service, address: str, port: str, pods: Sequence[Pod]) -> None:
        """Outside clients keep their source, and are answered only where endpoints are.

        A node's own pods are served as with policy Cluster (k/k #121909), and nodes too. Not so
        nodes in IPVS mode: they send from the address itself, which kube-ipvs0 has, and are not
        masqueraded, so that the endpoint's node answers itself; k/k #97081 promises it to pods.
        """
        target, outside = service.at(address, port), self.entry.by(self.first, address)
        own = partial(sources, allowed=outside.addresses.values(), what="the client's own address")
        self.check.reaches(outside, target, pods, also=own)
        self.check.reaches(self.clients.pod(self.bare), target, pods)
        if self.mode != "ipvs":
            self.check.reaches(self.clients.node(self.bare), target, pods)
        self.entry.by(self.bare, address)
        if self.mode == "ipvs":
            # Endpoints elsewhere are taken and their answer is discarded (k/k #97081), see ETP-002.
            self.check.silent(outside, target)
        else:
            self.check.drops(outside, target)
        # Where both have endpoints each answers by its own ones only.
        more = pods[0].workloads.pods(1, on=self.bare)
        self.check.reaches(outside, target, more, also=own)
        self.entry.by(self.first, address)
        self.check.reaches(outside, target, pods, also=own)
        service.update(externalTrafficPolicy="Cluster")
        self.check.reaches(outside, target, [*pods, *more])
