"""One node of the scheduler experiment: its virtual servers, and what each connection did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from suites.oracles.schedulers import scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.fingerprint import Traced
from suites.oracles.schedulers.trace import (
    Added,
    Closed,
    Connected,
    Drained,
    Event,
    Removed,
    observed,
    replay,
)
from suites.oracles.sequence import matches_model
from suites.schedulers.ipvs import kernel_table, server_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.agent.attempts import Attempt, Attempts
    from fixtures.agent.client import Held
    from fixtures.clients import Client, Target
    from suites.oracles.verdict import Judgement

REFUSED = frozenset({"refused", "unreachable"})


@dataclass
class Server:
    """A virtual server on the node: the order that it began with, and all that happened to it."""

    target: Target
    order: tuple[str, ...] = ()
    events: list[Event] = field(default_factory=list)
    attempts: list[tuple[str, Attempts]] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Its name in the kernel's table."""
        return server_key(self.target)

    def seen(self) -> list[str | None]:
        """Return where each connection went."""
        return observed(self.events)

    def phases(self) -> list[int]:
        """Return the connections before each change of the destinations, from 0 to all of them."""
        changes = [
            at
            for at, event in enumerate(self.events)
            if isinstance(event, Added | Drained | Removed)
        ]
        return [0, *(len(observed(self.events[:at])) for at in changes), len(self.seen())]


class Site:
    """A node whose kube-proxy runs with one scheduler, and the clients on it.

    `names` are the pods by "ip:port", as the kernel calls them, `endpoints` those that were there
    from the start, `patience` the seconds that an answer may take; `configured` is the scheduler,
    and `scheduled` the one that the kernel has for each server. Connections are made one after the
    other and closed by FIN, so that what the kernel counts is known at each of them.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: Node,
        clients: Sequence[Client],
        servers: Mapping[str, Server],
        names: dict[str, str],
        endpoints: Sequence[str],
        patience: float,
    ) -> None:
        self.cluster = cluster
        self.node = node
        self.clients = clients
        self.servers = servers
        self.names = names
        self.patience = patience
        self.endpoints = tuple(endpoints)
        self.configured = node.spec.scheduler
        self.scheduled: dict[str, str] = {}
        self.held: list[tuple[Server, Held]] = []
        self._kernel_names = {identity: name for name, identity in names.items()}

    def table(self) -> dict[str, tuple[str, list[Destination]]]:
        """Return scheduler and destinations of each server by its name, as the kernel has them."""
        read = kernel_table(self.cluster, self.node)
        return {name: read.get(each.key, ("", [])) for name, each in self.servers.items()}

    def usable(self) -> dict[str, int]:
        """Return how many destinations of each server take connections."""
        return {
            name: sum(destination.weight > 0 for destination in found)
            for name, (_, found) in self.table().items()
        }

    def begin(self) -> None:
        """Take each server's scheduler and the order of its destinations, before any connection."""
        for name, (scheduled, found) in self.table().items():
            self.scheduled[name] = scheduled
            self.servers[name].order = tuple(destination.name for destination in found)

    def connect(self, name: str, count: int, client: int = 0) -> None:
        """Make short connections, or UDP flows."""
        server, sender = self.servers[name], self.clients[client]
        plan = sender.plan(server.target, count=count, close="fin", timeout=self.patience)
        self._note(server, sender, f"{sender.name}: {plan}", sender.agent.probe(plan))

    def hold(self, name: str, count: int) -> None:
        """Make connections and leave them open until `release`."""
        server, sender = self.servers[name], self.clients[0]
        plan = sender.plan(server.target, count=count, close="fin", timeout=self.patience)
        held = sender.agent.hold(plan)
        self.held.append((server, held))
        self._note(server, sender, f"{sender.name} holds: {plan}", held.opened, stays=True)

    def close_first(self, name: str) -> None:
        """Close the connections that were held first on a server, all at once."""
        server = self.servers[name]
        entry = next(entry for entry in self.held if entry[0] is server)
        self.held.remove(entry)
        entry[1].release("fin")
        reached = map(self._picked, entry[1].opened)
        server.events += [Closed(pick) for pick in reached if pick in self.names]

    def came(self, endpoint: str) -> None:
        """Note that every server has a destination more, at the head of its list."""
        for server in self.servers.values():
            server.events.append(Added(endpoint))

    def went(self, endpoint: str) -> None:
        """Note that a destination takes no connections any more: it drains, or is gone."""
        for name, (_, found) in self.table().items():
            server = self.servers[name]
            there = any(destination.name == endpoint for destination in found)
            server.events.append(Drained(endpoint) if there else Removed(endpoint))

    def release(self) -> None:
        """Close what is held."""
        for _, held in self.held:
            held.release("fin")

    def judge(self, name: str, phase: int) -> Judgement:
        """Judge whether a server's connections of a phase, from 0, went where the kernel's go."""
        server = self.servers[name]
        begin, end = server.phases()[phase : phase + 2]
        destinations = [Destination(each) for each in server.order]
        model = scheduler(self.configured, destinations, server.target.host)
        predicted = list(replay(model, server.events))
        return matches_model(
            self._pods(server.seen()[begin:end]),
            self._pods(predicted[begin:end]),
            model=f"{self.configured} ({name})",
        )

    def traced(self, names: Sequence[str]) -> Traced:
        """Return what happened to servers by name, without anything that only the node knows."""
        servers = [self.servers[name] for name in names]
        events = tuple(tuple(server.events) for server in servers)
        return Traced(servers[0].target.host, self.endpoints, events)

    def _note(
        self, server: Server, sender: Client, probe: str, attempts: Attempts, *, stays: bool = False
    ) -> None:
        server.attempts.append((probe, attempts))
        address = sender.addresses[server.target.family]
        server.events += [
            Connected(
                address,
                attempt.local_port or 0,
                self._picked(attempt),
                stays=stays and attempt.outcome == "ok",
                udp=server.target.protocol == "udp",
            )
            for attempt in attempts
        ]

    def _picked(self, attempt: Attempt) -> str | None:
        """Name the destination; an end that no scheduler has is named by itself."""
        if attempt.outcome in REFUSED:
            return None
        if attempt.outcome != "ok":
            return f"nobody ({attempt.outcome})"
        return self._kernel_names.get(attempt.backend or "", f"stranger {attempt.backend}")

    def _pods(self, picks: Sequence[str | None]) -> list[str | None]:
        return [self.names.get(pick, pick) if pick else None for pick in picks]
