"""Measures a node of each mode while the number of Services grows.

One node is measured at a time, the others have nothing to do then: nodes share the machine's
processors. Connections come from an outside client of the node's own, in short turns to the first,
the middle and the last Service in the order of iptables mode's rules, and straight to the pod.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from fixtures.bulk import PORT, Bulk, Written
from fixtures.clients import Target
from fixtures.metrics import SYNCS
from fixtures.tool_calls import Calls, tool_calls
from fixtures.usage import Usage, kernel_objects, service_order, usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client
    from fixtures.metrics import Metrics
    from fixtures.proxies import Proxies
    from fixtures.proxy_state import ProxyState
    from fixtures.surroundings import Entry
    from fixtures.waits import Until

SUM = SYNCS.replace("_count", "_sum")
PLACES = ("first", "middle", "last", "direct", "kept")
"""Services by their place in the rules, the pod straight, and a connection that is open already.

A new connection straight to the pod passes iptables mode's rules as well, all of them and in vain;
one that is open passes none, so it tells how fast the node is.
"""

ROUNDS = 60
TURN = 20
"""Connections of a place in one turn; a round is all places there and back again."""

CHANGES = 5
POLL = 0.1
"""Seconds that one attempt waits for a Service that may not work yet."""


@dataclass(slots=True)
class AtSize:
    """One node at one number of Services; times in s, memory in bytes, latencies in ns."""

    cold_start: float = 0.0
    full_sync: float = 0.0
    start_cpu: float = 0.0
    change_sync: list[float] = field(default_factory=list)
    change_seen: list[float] = field(default_factory=list)
    change_cpu: float = 0.0
    resident: int = 0
    peak: int = 0
    written: Calls = field(default_factory=Calls)
    """What one change starts and writes."""

    objects: Mapping[str, int] = field(default_factory=dict)
    rounds: list[dict[str, float]] = field(default_factory=list)
    """The median connect time of each place, round by round."""

    def pairs(self, one: str, other: str) -> list[tuple[float, float]]:
        """Return two places' latencies, in the same round."""
        return [(r[one], r[other]) for r in self.rounds if one in r and other in r]


class Growth:
    """Makes Services grow and measures; `results` is {size: {mode: AtSize}}."""

    def __init__(
        self,
        cluster: Cluster,
        bulk: Bulk,
        entry: Entry,
        proxies: Proxies,
        metrics: Metrics,
        state: ProxyState,
        until: Until,
        within: float,
    ) -> None:
        """`within` bounds what follows a change or a start, in s."""
        self.cluster = cluster
        self.bulk = bulk
        self.entry = entry
        self.proxies = proxies
        self.metrics = metrics
        self.state = state
        self.until = until
        self.within = within
        self.nodes: Sequence[Node] = cluster.nodes
        self.results: dict[int, dict[str, AtSize]] = {}
        self.written: dict[int, Written] = {}

    def grow(self, size: int) -> None:
        """Go on to `size` Services and measure every node there."""
        for node in self.nodes:
            self.proxies.stop(node)
        self.written[size] = self.bulk.grow(size)
        found = self.results.setdefault(size, {})
        for node in self.nodes:
            found[node.spec.mode] = self._start(node, size)
        for node in self.nodes:
            self._change(node, found[node.spec.mode])
        # Every sync writes iptables mode's rules in another order, so no change may follow.
        places = self._places()
        for node in self.nodes:
            at = found[node.spec.mode]
            self._connect(node, at, places)
            at.objects = kernel_objects(self.cluster, node)
            self._complete(node, at, size)
            self._account(node, at)

    def _complete(self, node: Node, at: AtSize, size: int) -> None:
        """Raise AssertionError unless the node's kernel has something of every Service."""
        for name, count in at.objects.items():
            if count < size:
                raise AssertionError(
                    f"{node.spec.mode}: the kernel has {count} {name} of {size} Services"
                )

    def end(self) -> None:
        """Take all away, the nodes' rules first: an IPVS sync would remove them one by one."""
        for node in self.nodes:
            self.proxies.stop(node)
            self.proxies.clean_up(node)
        self.bulk.clear()

    def _client(self, node: Node, address: str) -> Client:
        return self.entry.by(node, address, self.nodes.index(node))

    def _start(self, node: Node, size: int) -> AtSize:
        """Start kube-proxy on a node without any rule, until the last Service answers."""
        at = AtSize()
        self.proxies.clean_up(node)
        last = Target(self.bulk.vips[size - 1], 80)
        client = self._client(node, last.host)
        began = time.monotonic()
        self.proxies.start(node)
        self._answers(client, last, f"the last of {size} Services answers in {node.spec.mode} mode")
        at.cold_start = time.monotonic() - began
        self._idle(node)
        count, total = self._syncs(node)
        at.full_sync = total
        at.start_cpu = usage(self.cluster, node).cpu
        if not count:
            raise TestbedError(f"{node.name} shows no sync in its metrics")
        return at

    def _change(self, node: Node, at: AtSize) -> None:
        """Change one endpoint at a time, and see when connections reach the new one."""
        number = len(self.bulk.vips) // 2
        target = Target(self.bulk.vips[number], 80)
        client = self._client(node, target.host)
        home, other = self.bulk.address(number), self.bulk.address(100_000)
        before = usage(self.cluster, node)
        for turn in range(CHANGES):
            goal = (other, home)[turn % 2]
            count, total = self._syncs(node)
            began = time.monotonic()
            self.bulk.move(number, goal)
            self._answers(
                client, target, f"a changed endpoint is used in {node.spec.mode} mode", goal
            )
            at.change_seen.append(time.monotonic() - began)
            self._idle(node)
            syncs, seconds = self._syncs(node)
            if syncs > count:
                at.change_sync.append((seconds - total) / (syncs - count))
        self.bulk.move(number, home)
        self._settle()
        at.change_cpu = (usage(self.cluster, node).cpu - before.cpu) / (CHANGES + 1)
        at.written = self._count(node, number, other)
        self.bulk.move(number, home)
        self._settle()

    def _count(self, node: Node, number: int, address: str) -> Calls:
        """Count what another endpoint of a Service takes; that takes time, so nothing else then."""
        with tool_calls(self.cluster, node) as calls:
            self.bulk.move(number, address)
            target = Target(self.bulk.vips[number], 80)
            client = self._client(node, target.host)
            self._answers(client, target, "a counted change is in force", address)
            self._settle()
            return calls.read()

    def _settle(self) -> None:
        for node in self.nodes:
            self._idle(node)

    def _connect(self, node: Node, at: AtSize, places: Mapping[str, str]) -> None:
        """Connect to each place in turns, there and back in every round."""
        targets = {name: Target(vip, 80) for name, vip in places.items()}
        targets["direct"] = targets["kept"] = Target(self.bulk.address(0), PORT)
        for target in targets.values():
            client = self._client(node, target.host)
            client.probe(target, TURN)
        order = list(PLACES)
        for turn in range(ROUNDS):
            times: dict[str, list[int]] = {}
            # Each round begins elsewhere, so no place is always next to the same one.
            order = order[1:] + order[:1]
            for name in [*order, *reversed(order)]:
                kept = name == "kept"
                attempts = client.probe(targets[name], TURN, timeout=2.0, reuse=kept)
                times.setdefault(name, []).extend(answered(attempts) if kept else good(attempts))
            at.rounds.append({name: median(found) for name, found in times.items() if found})
            if turn == 0 and len(at.rounds[0]) < len(PLACES):
                missing = sorted(set(PLACES) - set(at.rounds[0]))
                raise AssertionError(f"{node.spec.mode}: {missing} of many Services do not answer")

    def _places(self) -> dict[str, str]:
        """Return the Services at the ends and in the middle of iptables mode's rules."""
        node = next(node for node in self.nodes if node.spec.mode == "iptables")
        order = [vip for vip in service_order(self.cluster, node) if vip in set(self.bulk.vips)]
        return {"first": order[0], "middle": order[len(order) // 2], "last": order[-1]}

    def _account(self, node: Node, at: AtSize) -> None:
        used: Usage = usage(self.cluster, node)
        at.resident, at.peak = used.resident, used.peak

    def _answers(self, client: Client, target: Target, name: str, backend_ip: str = "") -> None:
        def holds() -> bool:
            attempts = client.probe(target, 1, timeout=POLL)
            return attempts.outcome == ["ok"] and backend_ip in ("", attempts.server_ip[0])

        self.until(name, holds, within=self.within, consecutive=1)

    def _idle(self, node: Node) -> None:
        self.until.settled(
            f"kube-proxy in {node.spec.mode} mode has nothing to do",
            lambda: self.state.idle([node]),
            within=self.within,
            consecutive=2,
        )

    def _syncs(self, node: Node) -> tuple[float, float]:
        """Return how many syncs there were, and how long they took together, of IPv4."""
        samples = self.metrics.samples(node)

        def own(name: str) -> float:
            found = samples.get(name, {})
            return found.get('ip_family="IPv4"', sum(found.values()))

        return own(SYNCS), own(SUM)


def answered(attempts: Attempts) -> list[int]:
    """Return the round trips over a connection that is open, in ns; the first one opened it."""
    pairs = zip(attempts.outcome, attempts.first_byte_ns, strict=True)
    return [ns for outcome, ns in pairs if outcome == "ok" and ns is not None][1:]


def good(attempts: Attempts) -> list[int]:
    """Return the connect times of attempts that were answered, in ns."""
    pairs = zip(attempts.outcome, attempts.connect_ns, strict=True)
    return [ns for outcome, ns in pairs if outcome == "ok" and ns is not None]
