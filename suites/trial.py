"""One state of the model brought into a cluster, waited for and judged from every vantage."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fixtures.clients import Target
from fixtures.matrix import Aim
from fixtures.proxy_state import ProxyState
from suites.oracles.observed import fault, missed, moved
from suites.oracles.routing import Expected
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.world import BACKEND_PORTS, PATHS, answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from clusters.protocol import Mode
    from fixtures.matrix import Seen, Vantage
    from suites.bench import Bench
    from suites.oracles.routing import Path
    from suites.oracles.world import Port, World

ALPHA = 1e-9
REPEATS = 3
FLOWS = range(60_000, 65_000)
"""Source ports of UDP flows that go on from check to check; no other probe has them."""

STAYS_ON = frozenset(port for protocol, port in BACKEND_PORTS.values() if protocol == "udp")
"""Ports where a flow may have begun before its Service's port got another name. kube-proxy looks
for stale flows when endpoints change, and here they are the same (ConntrackCleanupRequired in
k/k pkg/proxy/endpointschangetracker.go)."""

AGREE = 3.0
"""Seconds for what follows the programming: IPVS is not atomic, nor is a flow's clean-up."""

SILENCE = 0.1
"""Seconds for an attempt that nobody should answer: a wrong answer comes far sooner."""

OFTEN = 20


class Way(NamedTuple):
    """One way into a Service: the slot, the port, and what kind of address."""

    slot: str
    port: Port
    path: Path

    def __str__(self) -> str:
        return f"{self.port.protocol} port {self.port.port} of {self.slot} by its {self.path}"


class Trial:
    """Changes the bench step by step, and judges what it has become.

    Raises AssertionError, with a sentence, from `judge` when what is seen is not right.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.modes: list[Mode] = [node.spec.mode for node in bench.nodes]
        self.steps = 0
        self._changed = set[str]()
        self._offered = set[Target]()
        self._flows: dict[tuple[Target, str], int] = {}
        self._next_flow = FLOWS.start

    def reset(self) -> None:
        """Begin again, with no Service at all."""
        self.bench.reset()
        self._changed.clear()
        self._offered.clear()

    def step(self, world: World) -> None:
        """Bring the cluster to `world`."""
        before = self.bench.world
        self.bench.bring(world)
        self._changed |= {
            slot
            for slot, service in world.services.items()
            if before.services.get(slot) != service or before.layout != world.layout
        }
        self._offered |= self._targets(world)
        self.steps += 1

    def restart(self, node: int) -> None:
        """Kill the kube-proxy of a node and start it again."""
        named = self.bench.nodes[node]
        self.bench.cluster.stop_proxy(named)
        self.bench.cluster.start_proxy(named)
        self._changed |= set(self.bench.world.services)
        self.steps += 1

    def judge(self) -> None:
        """Judge attempts made after the last change; the first may still have to wait for it.

        Where the first look finds all right, it is the judgement. Otherwise the build has a moment
        more, and then fresh attempts are judged.
        """
        self.bench.settle()
        offered = self._targets(self.bench.world)
        gone, self._offered = self._offered - offered, offered
        for target, kind in [key for key in self._flows if key[0] in gone]:
            del self._flows[target, kind]
        expected = self._expected()
        near = {aim: right for aim, right in expected.items() if aim.label.slot in self._changed}
        self._changed.clear()
        seen = self._look(expected, near)
        wrong = self._wrong(expected, seen, gone)
        if wrong or self._at_work():
            self._agree(near, gone)
            wrong = self._wrong(expected, self._look(expected, near), gone)
        assert not wrong, _told(wrong)

    def _look(
        self, expected: Mapping[Aim, Expected], near: Collection[Aim]
    ) -> dict[Aim, list[Seen]]:
        """Attempt all aims once, and those near the change more often."""
        patience = {aim: self._patience(right) for aim, right in expected.items()}
        return self.bench.matrix.look(patience, repeats=dict.fromkeys(near, REPEATS))

    def _wrong(
        self,
        expected: Mapping[Aim, Expected],
        seen: Mapping[Aim, Sequence[Seen]],
        gone: Collection[Target],
    ) -> list[str]:
        wrong = self._faults(expected, seen)
        return wrong or self._ghosts(gone) + self._uncovered(expected, seen)

    # -------------------------------------------------------------------- what is right

    def _ways(self, world: World) -> list[Way]:
        return [
            Way(slot, port, path)
            for slot, service in world.services.items()
            for port in service.ports
            for path in PATHS
            if service.offers(path)
        ]

    def _targets(self, world: World) -> set[Target]:
        nodes = range(len(self.bench.nodes))
        return {self.bench.target(*way, node) for way in self._ways(world) for node in nodes}

    def _expected(self) -> dict[Aim, Expected]:
        """Say what is right at every aim of the present state."""
        world, expected = self.bench.world, dict[Aim, Expected]()
        for way in self._ways(world):
            for vantage in self.bench.matrix.vantages:
                right = answer(
                    world,
                    way.slot,
                    way.port,
                    path=way.path,
                    kind=vantage.kind,
                    node=vantage.node,
                    mode=self.modes[vantage.node],
                )
                if right is None:
                    continue
                target = self.bench.target(*way, vantage.node)
                expected[Aim(vantage, target, way)] = right
                if flow := self._flow(way, vantage, target, right):
                    expected[Aim(vantage, target, way, flow)] = self._of_flow(way, right)
        return expected

    def _flow(self, way: Way, vantage: Vantage, target: Target, right: Expected) -> int:
        """Return the source port of the flow that goes on here, 0 where there is none.

        One for each UDP port, by its ClusterIP from a pod. It rests while nobody serves.
        """
        udp = way.port.protocol == "udp" and way.path == "cluster-ip"
        if not udp or vantage.kind != "pod" or not right.backends:
            return 0
        key = (target, str(vantage))
        if key not in self._flows:
            self._flows[key] = self._next_flow
            following = self._next_flow + 1
            self._next_flow = following if following in FLOWS else FLOWS.start
        return self._flows[key]

    def _of_flow(self, way: Way, right: Expected) -> Expected:
        """Loosen what is right for a flow: it stays while its backend serves.

        Policies and hints that change leave it where it is (CleanStaleEntries in
        k/k pkg/proxy/conntrack/cleanup.go), as do pods that become unready but serve on.
        """
        service = self.bench.world.services[way.slot]
        serving = {str(e.pod) for e in service.endpoints if e.conditions["serving"]}
        return Expected(right.backends | serving, right.otherwise, right.masqueraded)

    def _patience(self, right: Expected) -> float:
        """Return how long an attempt may take."""
        silent = right.otherwise in {"dropped", "refused-or-dropped"}
        return SILENCE if silent and not right.backends else self.bench.timeouts.answer

    # -------------------------------------------------------------------- what is seen

    def _agree(self, near: Mapping[Aim, Expected], gone: Collection[Target]) -> None:
        """Wait until a look from every vantage shows what is right, and nobody is at work."""
        bench = self.bench
        aims = {aim: min(self._patience(right), bench.timeouts.drop) for aim, right in near.items()}

        def agrees() -> bool:
            right = not self._faults(near, bench.matrix.look(aims, record=False))
            return right and not self._ghosts(gone, record=False) and not self._at_work()

        bench.until.or_go_on(
            "every vantage agrees",
            agrees,
            within=AGREE * bench.timeouts.answer / 2,
            consecutive=2 if "ipvs" in self.modes else 1,
        )

    def _at_work(self) -> bool:
        """Tell whether a kube-proxy whose syncs are not atomic may be in the middle of one."""
        if "ipvs" not in self.modes:
            return False
        slow = [node for node in self.bench.nodes if node.spec.mode == "ipvs"]
        return not ProxyState(self.bench.cluster).idle(slow)

    def _faults(
        self, expected: Mapping[Aim, Expected], seen: Mapping[Aim, Sequence[Seen]]
    ) -> list[str]:
        found = []
        for aim, some in seen.items():
            own = str(self.bench.matrix.members[aim.vantage.node])
            what = fault(
                some,
                expected[aim],
                target=aim.label.port.target,
                also=STAYS_ON if aim.flow else (),
                own=own if aim.vantage.kind == "member" else "",
            )
            if not what and self.bench.world.services[aim.label.slot].affinity and not aim.flow:
                what = moved(some)
            if what:
                flow = ", on a flow that goes on," if aim.flow else ""
                found.append(f"{aim.vantage} asked for {aim.label}{flow} and {what}")
        return found

    def _uncovered(
        self, expected: Mapping[Aim, Expected], seen: Mapping[Aim, Sequence[Seen]]
    ) -> list[str]:
        """Find endpoints that are never chosen, with more attempts where some were not yet met."""
        groups: dict[tuple[int, Way, frozenset[str]], list[Aim]] = defaultdict(list)
        for aim in seen:
            affine = self.bench.world.services[aim.label.slot].affinity
            if not aim.flow and not affine and len(seen[aim]) > 1:
                groups[aim.vantage.node, aim.label, expected[aim].backends].append(aim)
        met = {key: [one for aim in aims for one in seen[aim]] for key, aims in groups.items()}
        enough = {key: never_chosen_samples(max(len(key[2]), 2), ALPHA) for key in groups}
        while short := [
            key for key in groups if missed(met[key], key[2]) and len(met[key]) < enough[key]
        ]:
            aims = {groups[key][0]: self.bench.timeouts.answer for key in short}
            more = self.bench.matrix.look(aims, repeats=OFTEN)
            for key in short:
                met[key] += more[groups[key][0]]
        return [
            f"none of {len(met[key])} connections by node-{key[0] + 1} to {key[1]} "
            f"reached pod {', '.join(never)}"
            for key in groups
            if (never := missed(met[key], key[2]))
        ]

    def _ghosts(self, gone: Collection[Target], *, record: bool = True) -> list[str]:
        """Find targets that are answered although they are nobody's any more."""
        vantages = self.bench.matrix.vantages
        aims = {Aim(vantage, target): SILENCE for target in gone for vantage in vantages}
        seen = self.bench.matrix.look(aims, record=record)
        return [
            f"{aim.vantage} asked for {aim.target}, which is no Service's any more, "
            f"and reached pod {one.backend}"
            for aim, some in seen.items()
            for one in some
            if one.outcome == "ok"
        ]


def _told(wrong: Sequence[str]) -> str:
    first = wrong[0]
    return first if len(wrong) == 1 else f"{first} (and {len(wrong) - 1} more like it)"
