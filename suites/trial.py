"""One state of the model brought into a cluster, waited for and judged from every vantage."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fixtures.matrix import Aim
from suites.oracles.observed import fault, missed, moved
from suites.oracles.routing import Expected
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.world import PATHS, answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from clusters.protocol import Mode
    from fixtures.clients import Target
    from fixtures.matrix import Seen, Vantage
    from suites.bench import Bench
    from suites.oracles.routing import Path
    from suites.oracles.world import Port, World

ALPHA = 1e-9
REPEATS = 3
FLOWS = range(60_000, 65_000)
"""Source ports of UDP flows that go on from check to check; no other probe has them."""

AGREE = 3.0
"""Seconds for what follows the programming: IPVS is not atomic."""

LOADED = 0.6
"""Share of a processor that a kube-proxy may have used during a look that counts."""

NOBODY = Expected(frozenset(), "refused-or-dropped", None)
OFTEN = 20


class Way(NamedTuple):
    """One way into a Service: the slot, the port, and what kind of address."""

    slot: str
    port: Port
    path: Path

    def __str__(self) -> str:
        return f"{self.port.protocol} port {self.port.port} of {self.slot} by its {self.path}"


class Trial:
    """Changes the bench step by step.

    Raises AssertionError, with a sentence, from `step` when what is seen is not right.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.modes: list[Mode] = [node.spec.mode for node in bench.nodes]
        self.steps = 0
        self._flows: dict[tuple[Target, str], int] = {}
        self._next_flow = FLOWS.start

    def step(self, world: World) -> None:
        """Bring the cluster to `world` and judge it."""
        bench, before = self.bench, self.bench.world
        old = self._targets(before)
        bench.bring(world)
        changed = {
            slot
            for slot, service in world.services.items()
            if before.services.get(slot) != service or before.layout != world.layout
        }
        gone = old - self._targets(world)
        for target, kind in [key for key in self._flows if key[0] in gone]:
            del self._flows[target, kind]
        self.judge(changed, gone)

    def restart(self, node: int) -> None:
        """Kill the kube-proxy of a node, start it again and judge."""
        named = self.bench.nodes[node]
        self.bench.cluster.stop_proxy(named)
        self.bench.cluster.start_proxy(named)
        self.judge(set(self.bench.world.services), set())

    def judge(self, changed: set[str], gone: Iterable[Target]) -> None:
        """Wait until the last change is there, then judge fresh attempts."""
        bench = self.bench
        bench.settle()
        expected = self._expected()
        near = {aim: right for aim, right in expected.items() if aim.label.slot in changed}
        if near or gone:
            self._agree(near)
        quick = {aim: self._patience(right) for aim, right in expected.items()}
        seen = bench.matrix.look_by({aim: quick[aim] for aim in near}, repeats=REPEATS)
        rest = {aim: quick[aim] for aim in expected if aim not in near and not aim.flow}
        seen |= bench.matrix.look_by(rest)
        wrong = self._faults(expected, seen)
        wrong += self._uncovered(expected, seen)
        wrong += self._ghosts(gone)
        self.steps += 1
        assert not wrong, _told(wrong)

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
        timeouts = self.bench.timeouts
        return (
            timeouts.drop
            if right.otherwise in {"dropped", "refused-or-dropped"}
            else (timeouts.answer)
        )

    # -------------------------------------------------------------------- what is seen

    def _agree(self, near: Mapping[Aim, Expected]) -> None:
        """Wait until a look from every vantage shows what is right, and nobody is at work."""
        bench = self.bench
        aims = dict.fromkeys(near, bench.timeouts.drop)

        def agrees() -> bool:
            begun, before = time.monotonic(), self._work()
            right = not self._faults(near, bench.matrix.look_by(aims, record=False))
            if "ipvs" not in self.modes:
                return right
            spent = [after - earlier for after, earlier in zip(self._work(), before, strict=True)]
            return right and max(spent) < LOADED * max(time.monotonic() - begun, 0.05)

        bench.until.or_go_on(
            "every vantage agrees",
            agrees,
            within=AGREE * bench.timeouts.answer / 2,
            consecutive=2 if "ipvs" in self.modes else 1,
        )

    def _work(self) -> list[float]:
        """Return the processor time of the kube-proxies whose syncs are not atomic."""
        slow = [node for node in self.bench.nodes if node.spec.mode == "ipvs"]
        return [self.bench.cluster.proxy_cpu(node) for node in slow]

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
        found = []
        for (node, way, backends), aims in groups.items():
            met = [one for aim in aims for one in seen[aim]]
            enough = never_chosen_samples(len(backends), ALPHA) if len(backends) > 1 else 1
            while missed(met, backends) and len(met) < enough:
                more = self.bench.matrix.look(
                    aims[:1], timeout=self.bench.timeouts.answer, repeats=OFTEN
                )
                met += [one for some in more.values() for one in some]
            if backends and (never := missed(met, backends)):
                found.append(
                    f"none of {len(met)} connections by node-{node + 1} to {way} "
                    f"reached pod {', '.join(never)}"
                )
        return found

    def _ghosts(self, gone: Iterable[Target]) -> list[str]:
        """Find targets that are answered although they are nobody's any more."""
        vantages = self.bench.matrix.vantages
        aims = [Aim(vantage, target) for target in gone for vantage in vantages]
        seen = self.bench.matrix.look(aims, timeout=self.bench.timeouts.drop)
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
