"""A candidate against a baseline: on two nodes of one cluster at the same time, then swapped.

Each phase pairs with the one beside it, in which the nodes have each other's build, so what is
different about the nodes cancels. A phase gives one figure: what lies on a node from its start to
the next swap, such as where its memory is, does not become less by being measured often. A way past
kube-proxy, measured in the same phases and treated alike, has no build in it: its ratio is the
noise floor, and what a phase did to it is taken from what the phase did to the build.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fixtures.churn import nobodies
from fixtures.load.generator import LoadGenerator, Plan
from fixtures.slices import PORTS, endpoint
from fixtures.untracked import untracked
from fixtures.workloads import SERVE
from suites.load.figures import kept_up
from suites.load.site import url
from suites.oracles.ratio import Pair, Ratio, ratio
from suites.oracles.verdict import Judgement, all_of, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from clusters.protocol import Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.load.samples import Samples
    from fixtures.proxies import Proxies
    from fixtures.surroundings import Entry
    from fixtures.tool_calls import Calls, ToolCalls
    from fixtures.workloads import Service, Workloads
    from suites.check import Check

LIMITS = {"connect p50": 1.10, "connect p90": 1.25, "CPU": 1.10, "sync time": 1.25, "memory": 1.25}
"""How many times the baseline's the candidate's may be, surely: 10% for what is steady and 25%
for tails and what is noisy."""

BY_PAIR = ", pair by pair"
"""What is added to a figure's name where its pairs are observed, for the page and `tests.power`."""

LINES = ("build", "baseline", "build, past it", "baseline, past it")
"""What the lines of such a figure are called: a pair's sides, then those of its noise floor."""

PAST = 8090
"""A port of the pods whose connections meet nothing of kube-proxy's."""

PAIRS = 24
"""Of phases; so many tell 10% more from none (docs/power.md)."""
PHASES = (0, 1, 1, 0) * (PAIRS // 2)
"""Which node has the candidate: of two phases that pair, each comes first as often."""


@dataclass(slots=True)
class Crossover:
    """Measurements of both nodes by phase; `pairs` are (candidate, baseline)."""

    phases: list[Pair] = field(default_factory=list)
    """The first node's and the second node's figure of each of `PHASES`."""

    def pairs(self) -> list[Pair]:
        """Pair each phase with the one beside it, in which the builds were swapped."""
        made = []
        both = zip(PHASES[::2], self.phases[::2], self.phases[1::2], strict=False)
        for which, one, other in both:
            straight, swapped = (other, one) if which else (one, other)
            # In the straight phase the first node has the candidate, then the second.
            candidate = math.sqrt(straight[0] * swapped[1])
            made.append((candidate, math.sqrt(straight[1] * swapped[0])))
        return made

    def ratio(self, floor: Crossover | None = None) -> Ratio | None:
        """Return how many times the baseline's the candidate's figure is.

        With the `floor` of the same phases, without what had nothing to do with the builds.
        """
        return ratio(self.pairs(), controls=floor.pairs() if floor else None)

    def chart(
        self, unit: str, scale: float = 1.0, floor: Crossover | None = None
    ) -> dict[str, Any]:
        """Return the pairs, times `scale`, as lines, for `Recorder.observe`; those of a floor, too.

        Their names are `LINES`.
        """
        sides = [*zip(*self.pairs(), strict=True)]
        if floor is not None:
            sides += zip(*floor.pairs(), strict=True)
        series = {
            name: [
                [number, float(f"{value * scale:.5g}")]
                for number, value in enumerate(side, start=1)
            ]
            for name, side in zip(LINES, sides, strict=False)
        }
        return {"series": series, "x": "pair of phases", "y": unit}


class Versus:
    """Runs both builds on two nodes and measures."""

    def __init__(
        self,
        baseline: Path,
        nodes: Sequence[Node],
        proxies: Proxies,
        workloads: Workloads,
        entry: Entry,
        check: Check,
        family: Family,
        generator: LoadGenerator,
        kernel_state: KernelState,
    ) -> None:
        self.baseline = baseline
        self.nodes = list(nodes[:2])
        self.proxies = proxies
        self.workloads = workloads
        self.entry = entry
        self.check = check
        self.family: Family = family
        self.generator = generator
        self.kernel_state = kernel_state
        self.candidate = nodes[0].spec.build
        self.services: list[Service] = []
        self.arms: dict[str, str] = {}
        self.past = ExitStack()

    def set_up(self) -> None:
        """Make a Service for each node, with a pod there."""
        for number, node in enumerate(self.nodes, start=1):
            app = f"web-{number}"
            pod = self.workloads.pods(1, on=node, app=app, serve=(*SERVE, f"tcp:{PAST}"))[0]
            service = self.workloads.service(app, app=app)
            self.entry.by(node, pod.addresses[self.family])
            client = self.entry.by(node, service.cluster_ip)
            self.check.reaches(client, service.target(), [pod])
            target = service.target()
            self.arms[f"service-{number}"] = url("tcp", target.host, target.port)
            address = pod.addresses[self.family]
            self.arms[f"past-{number}"] = url("tcp", address, PAST)
            self.past.enter_context(untracked(self.kernel_state, node, address, PAST))
            self.services.append(service)

    def end(self) -> None:
        """Have no way past kube-proxy any more."""
        self.past.close()

    def swap(self, which: int) -> None:
        """Run the candidate on node `which`, 0 or 1, and the baseline on the other."""
        specs = {}
        for number, node in enumerate(self.nodes):
            build = self.candidate if number == which else self.baseline
            specs[node.name] = type(node.spec)(
                build, node.spec.mode, node.spec.config, node.spec.flags
            )
        self.proxies.use_all(specs)
        for node, service in zip(self.nodes, self.services, strict=True):
            client = self.entry.by(node, service.cluster_ip)
            self.check.until_settled(client, service.target())

    def phases(self, measure: Callable[[], None]) -> None:
        """Measure in every phase."""
        for which in PHASES:
            self.swap(which)
            measure()

    def count(self, calls: ToolCalls, kind: str) -> Calls:
        """Make a change and return what it took of the node's kube-proxy.

        The first one makes a Service, the last one deletes it; those between change it.
        """
        self.workloads.until_settled("all is as it was told")
        calls.reset()
        first, second = nobodies(2, self.family)
        match kind:
            case "a new Service":
                self._counted = self.workloads.service("counted", app=None)
                self._counted.set_endpoints([endpoint(first)], ports=PORTS)
            case "another endpoint":
                self._counted.set_endpoints([endpoint(second)], ports=PORTS)
            case "session affinity":
                self._counted.update(sessionAffinity="ClientIP")
            case _:
                self._counted.delete()
        self.workloads.until_settled(f"{kind} is synced")
        return calls.read()

    def load(self, steps: str) -> list[Samples]:
        """Load both nodes in turns, phase by phase."""
        found: list[Samples] = []
        plan = Plan(self.arms, steps=steps)
        self.phases(lambda: found.append(self.generator.run(plan)))
        return found


def crossover(runs: Sequence[Samples], arm: str, kind: str, percent: float) -> Crossover:
    """Take a percentile of an arm's two nodes from each phase, 0 where none was measured."""

    def figure(samples: Samples, node: int) -> float:
        times = samples.total(f"{arm}-{node}").times
        return times[kind].quantile(percent) if kind in times else 0.0

    return Crossover([(figure(samples, 1), figure(samples, 2)) for samples in runs])


def spared(floor: Ratio | None, limit: float, what: str) -> Judgement:
    """Judge that the way past kube-proxy is no slower beside the build.

    What a build does to its whole node would else be taken for noise.
    """
    sentence = f"{what} past kube-proxy is {floor or 'unknown: too little was seen'}"
    if floor is not None and floor.low > limit:
        return wrong(f"{sentence} times as large on the build's node; the budget is {limit:g}")
    return right(sentence)


def trustworthy(runs: Sequence[Samples]) -> Judgement:
    """Judge whether the generator kept up in every phase, and lost nothing on the way."""
    lost = [s for s in runs for arm in s.arms if s.total(arm).failed]
    if lost:
        return undecided("connections failed, so latencies do not compare the builds")
    return all_of(*(kept_up(samples) for samples in runs))
