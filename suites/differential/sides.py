"""The same questions to nodes of several modes at the same moment, and what they answer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fixtures.matrix import Aim
from suites.differential.documented import DOCUMENTED
from suites.differential.scenes import FIRST
from suites.oracles.differences import DENIED, REFUSED, SILENT, Question, compare
from suites.oracles.world import PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from clusters.protocol import Mode
    from fixtures.clients import Target
    from fixtures.matrix import Seen, Vantage
    from fixtures.proxy_state import ProxyState
    from suites.bench import Bench
    from suites.differential.scenes import Scene
    from suites.oracles.differences import Difference, Place

FEW, MORE = 4, (12, 16, 28)
"""Attempts of each aim at first, and fresh ones where answers are unequal: of six endpoints on
three nodes, the two of one node are missed by 56 attempts once in 10^10."""

UNUSED = 7
"""A port that no Service, node or pod has."""

FIRST_FLOW = 60_000
"""Source ports of UDP flows that go on: no other probe has them."""

ASKERS = {
    "pod": "a pod",
    "member": "a pod that is an endpoint",
    "node": "a node",
    "outside": "an outside client",
}
ENDED = {
    "refused": REFUSED,
    "timeout": SILENT,
    "denied": DENIED,
    # Which of the two it is where nobody has the address depends on the neighbours' caches.
    "unreachable": SILENT,
}


class Slot(NamedTuple):
    """Where a Service of a scene is put; `node` is that of its endpoints, -1 for all."""

    name: str
    node: int


class Served(NamedTuple):
    """What is behind a target: the Service's slot, and the port that its pods serve."""

    slot: str
    port: int | None


class Sides:
    """Asks by nodes of each mode, and keeps how the answers differ."""

    def __init__(self, bench: Bench, state: ProxyState) -> None:
        self.bench = bench
        self.state = state
        self.modes: list[Mode] = [node.spec.mode for node in bench.nodes]
        self.found: list[Difference] = []
        self.asked = 0

    def play(self, scene: Scene) -> None:
        """Go through the states of a scene and compare the answers in each."""
        count = len(self.modes)
        slots = [Slot(f"on-{n}", n) for n in range(count)] if scene.apart else [Slot("all", -1)]
        self.bench.reset()
        world = self.bench.start
        for slot in slots:
            world = world.put(slot.name, scene.make(max(slot.node, 0), count))
        had = dict[Aim, Question]()
        for name, change in ((FIRST, None), *scene.then):
            for slot in slots:
                after = change(world.services[slot.name]) if change else world.services[slot.name]
                world = world.put(slot.name, after) if after else world.remove(slot.name)
            self.bench.bring(world)
            self.settle()
            has = self._questions(scene, name, [s for s in slots if s.name in world.services])
            known = {replace(aim, label=None) for aim in has}
            gone = {
                aim: was.before(name)
                for aim, was in had.items()
                if replace(aim, label=None) not in known
            }
            self.ask(has | gone)
            had = has

    def _questions(self, scene: Scene, state: str, slots: Sequence[Slot]) -> dict[Aim, Question]:
        found = dict[Aim, Question]()
        for slot in slots:
            for vantage in self.bench.matrix.vantages:
                place = _place(slot, vantage)
                for number, (path, port, target, serves) in enumerate(
                    self._ways(scene, slot, vantage)
                ):
                    asked = Question(scene.name, state, path, port, ASKERS[vantage.kind], place)
                    label = Served(slot.name, serves)
                    if not scene.flows:
                        found[Aim(vantage, target, label)] = asked
                    elif target.protocol == "udp":
                        flow = asked._replace(path=f"{path}, on a flow that goes on")
                        found[Aim(vantage, target, label, FIRST_FLOW + number)] = flow
        return found

    def settle(self) -> None:
        """Wait until every node has the last change, and IPVS, which is not atomic, is through."""
        self.bench.settle()
        self.settle_again()

    def settle_again(self) -> None:
        """Let IPVS come to the end of what it is at."""
        for node in self.bench.nodes:
            if node.spec.mode == "ipvs":
                self.bench.until.settled(
                    f"kube-proxy on {node.name} has done what it knew of",
                    self.state.after_sync(node.name, 1),
                    within=self.bench.timeouts.programmed,
                    consecutive=2,
                )

    def ask(self, questions: Mapping[Aim, Question]) -> None:
        """Ask all questions at once, and judge those with unequal answers by fresh attempts.

        What the first look met may have been the end of a sync of IPVS mode, which is not atomic.
        """
        self.asked += len(questions)
        met: dict[Question, dict[Mode, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._look(questions, met, repeats=FEW, timeout=self.bench.timeouts.drop)
        certain: set[tuple[Question, Mode]] = set()
        for turn, repeats in enumerate(MORE):
            unequal = {one.question for one in self._differences(met) if not one.reasons}
            again = {aim: asked for aim, asked in questions.items() if asked in unequal}
            if not again:
                break
            if turn == 0:
                self.settle_again()
            self._again(again, met, repeats, certain, fresh=turn == 0)
        self.found += self._differences(met)

    def _again(
        self,
        questions: Mapping[Aim, Question],
        met: dict[Question, dict[Mode, set[str]]],
        repeats: int,
        certain: set[tuple[Question, Mode]],
        *,
        fresh: bool,
    ) -> None:
        """Ask again, where nobody answered once and with patience, else as often as `repeats`.

        Silence among answers counts only if it is met again while less is going on.
        """
        silent, others = dict[Aim, Question](), dict[Aim, Question]()
        for aim, asked in questions.items():
            key = asked, self.modes[aim.vantage.node]
            everything = frozenset[str]().union(*met[asked].values())
            if key in certain or (not fresh and met[asked][key[1]] == everything - {SILENT}):
                continue
            (silent if met[asked][key[1]] == {SILENT} else others)[aim] = asked
        for aim, asked in [*silent.items(), *others.items()]:
            words = met[asked][self.modes[aim.vantage.node]]
            words.difference_update(set(words) if fresh else {SILENT})
        self._look(others, met, repeats=repeats, timeout=self.bench.timeouts.answer)
        self._look(silent, met, repeats=1, timeout=self.bench.timeouts.answer)
        for aim, asked in silent.items():
            mode = self.modes[aim.vantage.node]
            if met[asked][mode] == {SILENT}:
                certain.add((asked, mode))

    def _differences(self, met: Mapping[Question, Mapping[Mode, set[str]]]) -> list[Difference]:
        compared = (compare(asked, _frozen(by), DOCUMENTED) for asked, by in met.items())
        return [one for one in compared if one is not None]

    def _look(
        self,
        questions: Mapping[Aim, Question],
        met: dict[Question, dict[Mode, set[str]]],
        *,
        repeats: int,
        timeout: float,
    ) -> None:
        seen = self.bench.matrix.look(dict.fromkeys(questions, timeout), repeats=repeats)
        for aim, some in seen.items():
            mode = self.modes[aim.vantage.node]
            met[questions[aim]][mode] |= self.words(aim, some)

    def words(self, aim: Aim, some: Sequence[Seen]) -> set[str]:
        """Say what attempts met; with session affinity, whether it was always the same."""
        words = {self.word(aim, one) for one in some}
        slot = aim.label.slot
        service = self.bench.world.services.get(slot)
        if service is None or not service.affinity or aim.flow:
            return words
        backends = {one.backend for one in some if one.outcome == "ok"}
        ended = {self.word(aim, one) for one in some if one.outcome != "ok"}
        stays = "reached one endpoint only" if len(backends) == 1 else "reached several endpoints"
        return ended | ({stays} if backends else set())

    def word(self, aim: Aim, one: Seen) -> str:
        """Say what an attempt met, in words that mean the same on every node."""
        vantage = aim.vantage
        if one.outcome != "ok":
            return ENDED.get(one.outcome, f"ended as {one.outcome}")
        if not one.backend.isdecimal():
            return f"reached a stranger, {one.backend}"
        pod = int(one.backend)
        wrong_port = "" if one.port == aim.label.port else f" at port {one.port}"
        if aim.flow:
            # Where a flow goes is chance, but it has to be somebody who is there.
            return f"reached {'an endpoint' if pod in self._endpoints() else 'a former endpoint'}"
        if vantage.kind == "member" and pod == self.bench.matrix.members[vantage.node]:
            return f"reached itself{wrong_port}, masqueraded as {one.source}"
        here = self.bench.world.layout.pods[pod] == vantage.node
        place = "its node" if here else "another node"
        return f"reached a pod on {place}{wrong_port}, which saw the {one.source}"

    def _endpoints(self) -> set[int]:
        services = self.bench.world.services.values()
        return {e.pod for service in services for e in service.endpoints if e.conditions["serving"]}

    def _ways(
        self, scene: Scene, slot: Slot, vantage: Vantage
    ) -> Iterable[tuple[str, str, Target, int | None]]:
        """Return how a Service is asked for: path, protocol and port, target, and pods' port."""
        service = self.bench.world.services[slot.name]
        for port in service.ports:
            for path in PATHS:
                if not service.offers(path):
                    continue
                target = self.bench.target(slot.name, port, path, vantage.node)
                named = f"{port.protocol} {port.port}"
                yield path, named, target, port.target
                if scene.unused:
                    unused = replace(target, port=UNUSED)
                    yield f"{path} at a port that it has not", port.protocol, unused, None
                if scene.unused and path == "node-port" and vantage.kind == "node":
                    loopback = self._loopback(target)
                    yield "node-port at the loopback address", named, loopback, port.target

    def _loopback(self, target: Target) -> Target:
        return replace(target, host="::1" if self.bench.family == "ipv6" else "127.0.0.1")


def _place(slot: Slot, vantage: Vantage) -> Place:
    if slot.node < 0:
        return "everywhere"
    return "here" if slot.node == vantage.node else "elsewhere"


def _frozen(answers: Mapping[Mode, set[str]]) -> dict[Mode, frozenset[str]]:
    return {mode: frozenset(words) for mode, words in answers.items()}
