"""An experiment: loads that go on, changes and faults meanwhile, and one judgement at the end."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from fixtures.clients import Target
from suites.chaos import loads
from suites.chaos.judging import Excuses, Judging
from suites.chaos.picture import timeline
from suites.oracles import history as oracle
from suites.oracles.verdict import Judgement, all_of, require

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.clients import Client
    from fixtures.history import History, Load, Span
    from fixtures.nemesis import Nemesis
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Pod
    from suites.chaos.members import Members

RATE = 15.0
FLOW_RATE = 10.0
CONTROL_RATE = 5.0
FLOW_TIMEOUT = 15.0
"""Seconds that a flow may stand still: TCP waits twice as long after each loss (RFC 6298)."""

MARGIN = 3.0
"""Seconds that a change may take beyond three times what it took in peace: watch and batching."""

SLACK = 3.0
ENOUGH = 8.0
"""Seconds after a bound in which the loads make so many attempts that an absence shows."""


class Experiment:
    """Loads, and the history that they and the faults make.

    `near` says which node's kube-proxy each load goes by, which decides what it may miss during a
    fault of that node.
    """

    def __init__(
        self,
        cluster: Cluster,
        history: History,
        nemesis: Nemesis,
        until: Until,
        timeouts: Timeouts,
        observe: Callable[[str, Any], None],
    ) -> None:
        self.cluster = cluster
        self.history = history
        self.nemesis = nemesis
        self.until = until
        self.timeouts = timeouts
        self.observe = observe
        self.near: dict[str, str] = {}
        self.bound = timeouts.programmed
        self.slack = SLACK
        self.served = 0.0
        self._deaf_until = 0.0

    # ------------------------------------------------------------------ load

    def load(
        self, name: str, client: Client, target: Target, near: Node, *, rate: float = RATE
    ) -> Load:
        """Begin fresh connections, or datagrams, that go by the kube-proxy of `near`."""
        self.near[name] = near.name
        return self.history.load(name, client, target, rate)

    def sticky(self, name: str, client: Client, target: Target, near: Node) -> Load:
        """Begin fresh connections, or datagrams, that are all to go to one endpoint."""
        load = self.load(name, client, target, near)
        load.sticky = True
        return load

    def control(self, name: str, client: Client, pod: Pod) -> None:
        """Begin connections to a pod past any kube-proxy, which show how the machine is."""
        target = Target(pod.addresses[pod.workloads.family], 8080)
        self.history.load(name, client, target, CONTROL_RATE).control = True

    def flow(self, name: str, client: Client, target: Target, near: Node) -> Load:
        """Begin one connection with a request every 100 ms."""
        self.near[name] = near.name
        return self.history.load(name, client, target, FLOW_RATE, flow=True, timeout=FLOW_TIMEOUT)

    def until_answered(self) -> None:
        """Wait until every load is answered."""
        self.until(
            "every load is answered",
            lambda: all(loads.tail(load) == {"ok"} for load in self.history.loads),
            within=self.timeouts.programmed,
        )

    def until_served(self) -> None:
        """Wait until every load is answered; what failed before that is no part of the history."""
        self.until_answered()
        self.served = self.served or self.now()

    def until_seen(self, pod: Pod, since: Span, nodes: Collection[str] = ()) -> float:
        """Wait until the loads near these nodes (all) reach a pod; returns the longest time.

        Decides nothing: the judges of the history do. Waits so long that they can.
        """
        asked = [x for x in self.fresh() if not nodes or self.near[x.name] in nodes]
        self.until.or_go_on(
            f"{pod.name} is reached",
            lambda: all(loads.first(load, pod, since) is not None for load in asked),
            within=max(0.0, self._deaf_until - self.now()) + self.bound + ENOUGH,
        )
        found = [loads.first(load, pod, since) for load in asked]
        return max((math.inf if at is None else at - since.end for at in found), default=0.0)

    def allow(self, deaf: Span) -> Span:
        """Be patient with a node that may be deaf until the end of a span; returns the span."""
        self._deaf_until = max(self._deaf_until, deaf.end)
        return deaf

    def until_refused(self) -> None:
        """Wait until every load of fresh connections is refused, five times in a row."""
        self.until(
            "every load is refused",
            lambda: all(loads.tail(load) == {"refused"} for load in self.fresh()),
            within=self.timeouts.programmed,
        )

    def until_all_reach(self, pods: Iterable[Pod]) -> None:
        """Wait until every load of fresh connections has reached each of these pods from now on."""
        now, wanted = self.now(), {pod.identity for pod in pods}

        def reached(load: Load) -> set[str | None]:
            return {
                one.backend
                for one, begun, _ in loads.recent(load, now)
                if begun > now and one.outcome == "ok"
            }

        self.until(
            f"every load reaches all {len(wanted)} pods",
            lambda: all(wanted <= reached(load) for load in self.fresh()),
            within=self.timeouts.programmed,
        )

    def go_on(self, seconds: float) -> None:
        """Let the loads go on for so long, measured by the attempts that they make."""
        had = {load.name: loads.count(load) for load in self.history.loads}
        self.until.testbed(
            f"the loads go on for {seconds:g} s",
            lambda: all(
                loads.count(load) - had[load.name] >= load.rate * seconds for load in self.fresh()
            ),
            within=5 * seconds + 30,
        )

    def loads_that_live(self) -> list[Load]:
        """Return the loads whose sender was not lost."""
        return [load for load in self.history.loads if not load.lost]

    def fresh(self) -> list[Load]:
        """Return the loads of fresh connections whose sender was not lost."""
        return [load for load in self.loads_that_live() if not load.flow and not load.control]

    # ------------------------------------------------------------------ bound

    def calibrate(self, members: Members, spare: Pod) -> None:
        """Measure in peace how long a change takes, and derive the bound from it.

        Three times the longest of two, and `MARGIN`.
        """
        took = []
        first = members.now[0]
        for leaving, joining in ((first, spare), (spare, first)):
            span = members.swap(leaving, joining)
            took.append(self.until_seen(joining, span))
        longest = max(took)
        if longest < math.inf:
            self.set_bound(min(3 * longest + MARGIN, self.timeouts.programmed))
        self.observe("change in peace (s)", round(longest, 3))
        self.observe("bound (s)", round(self.bound, 3))

    def set_bound(self, seconds: float) -> None:
        """Let a change, and the recovery from a fault, take so long."""
        self.bound = self.slack = seconds

    @staticmethod
    def now() -> float:
        """Return the time by the history's clock."""
        return time.monotonic()

    # ------------------------------------------------------------------ judgement

    def judge(self, backends: Iterable[str], excuses: Excuses) -> None:
        """End the loads and judge the whole history.

        A test that did not live decides nothing, but for a connection that reached somebody else's
        backend.
        """
        self.history.stop()
        judging = Judging(
            self.history,
            self.near,
            excuses,
            bound=self.bound,
            slack=self.slack,
            served=self.served,
        )
        judged = judging.all()
        self._record(judging.tried, judged)
        require(oracle.misdelivered(judging.tried, set(backends)))
        require(judging.lively())
        require(all_of(*judged))

    def _record(self, tried: Sequence[oracle.Tried], judged: Sequence[Judgement]) -> None:
        figures: dict[str, float] = {}
        for judgement in judged:
            for name, value in judgement.figures.items():
                figures[name] = max(value, figures.get(name, 0.0))
        if figures:
            self.observe("figures", figures)
        errors = [load.error * 1e3 for load in self.history.loads]
        self.observe("clock error (ms)", round(max(errors, default=0.0), 3))
        self.observe("timeline", timeline(self.history, tried))
