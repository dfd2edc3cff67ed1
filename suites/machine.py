"""Random lives of Services: a hypothesis state machine over the model, shrinking as it finds."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from suites.oracles.changes import Change, apply, change_from, to_line
from suites.oracles.shrinking import shrink
from suites.oracles.world import Service
from suites.strategies import (
    NODES,
    POLICY,
    PORTS,
    SLOTS,
    STATES,
    TYPES,
    endpoints,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from suites.trial import Trial

LENGTH = 40
"""Changes in one life; a fault that needs more is rarer than one that needs another start."""

PACES = (1, 1, 2, 4, 8, 16, 32)
"""Changes from look to look: a look takes as long as many changes. Alone, each is seen by itself;
trackers lose changes where several meet in one sync."""

SHRINK_SECONDS = 60.0


class Enough(BaseException):
    """Ends the search at once: hypothesis takes no other exception for the end of everything."""


@dataclass
class Found:
    """The shortest sequence of changes that failed, and how."""

    changes: list[Change] = field(default_factory=list)
    sentence: str = ""
    tries: int = 0

    def keep(self, changes: Sequence[Change], sentence: str) -> None:
        """Take over a sequence that is no longer than the one before."""
        self.tries += 1
        if not self.sentence or len(changes) <= len(self.changes):
            self.changes, self.sentence = list(changes), sentence


class Explorer:
    """Runs lives until `steps` changes or `seconds` are over, or a change has failed."""

    def __init__(self, trial: Trial, steps: int, number: int, *, seconds: float = math.inf) -> None:
        self.trial = trial
        self.steps = steps
        self.seed = number
        self.found = Found()
        self.lives = 0
        self._until = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Tell whether enough has been done, or shrinking has taken its time."""
        if self.found.sentence:
            return time.monotonic() > self._until
        return self.trial.steps >= self.steps or time.monotonic() > self._until

    def failed(self, changes: Sequence[Change], sentence: str) -> None:
        """Note a failure; the first one starts the time that shrinking has."""
        if not self.found.sentence:
            self._until = time.monotonic() + SHRINK_SECONDS
        self.found.keep(changes, sentence)

    def run(self) -> Found:
        """Explore; what is found comes back and is not raised."""
        chosen = settings(
            max_examples=self.steps,
            stateful_step_count=LENGTH,
            deadline=None,
            database=None,
            print_blob=False,
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            # What it finds is shrunk afterwards, see suites/oracles/shrinking.py.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        try:
            while not self.over and not self.found.sentence:
                # The same seed again would be the same lives again.
                number = f"{self.seed} after {self.lives}" if self.lives else self.seed
                run_state_machine_as_test(seed(number)(_machine(self)), settings=chosen)
        except Enough:
            pass
        except (AssertionError, HypothesisException, BaseExceptionGroup):
            # Also when it does not fail again as hypothesis has it fail once more (it was kept),
            # and when the end of the time came where hypothesis expected to go on.
            if not self.found.sentence and not self.over:
                raise
        if self.found.sentence:
            shrink(list(self.found.changes), self._attempt, lambda: self.over)
        return self.found

    def _attempt(self, changes: list[Change]) -> list[Change] | None:
        """Make changes in a new life; return those up to the one that failed."""
        self.trial.reset()
        found = replayed(self.trial, changes)
        if not found.sentence:
            return None
        self.failed(found.changes, found.sentence)
        return found.changes


def replay(trial: Trial, line: str) -> Found:
    """Make the changes of a line that `to_line` wrote."""
    return replayed(trial, [change_from(entry) for entry in json.loads(line)])


def replayed(trial: Trial, changes: Sequence[Change]) -> Found:
    """Make changes until one fails; after the last one there is a look in any case."""
    made: list[Change] = []
    found = Found()
    for number, change in enumerate(changes, start=1):
        made.append(replace(change, hasty=change.hasty and number < len(changes)))
        try:
            make(trial, made[-1])
        except AssertionError as error:
            found.keep(made, str(error))
            break
    return found


def make(trial: Trial, change: Change) -> None:
    """Make one change and, unless it is hasty, judge what follows."""
    if change.verb == "restart":
        trial.restart(int(change.arguments[0]))
    else:
        trial.step(apply(trial.bench.world, change))
    if not change.hasty:
        trial.judge()


def _machine(explorer: Explorer) -> type[RuleBasedStateMachine]:  # noqa: C901 - a rule each
    trial = explorer.trial
    pods, nodes = len(trial.bench.pool), len(trial.bench.nodes)
    any_endpoints = endpoints(pods)

    class Lives(RuleBasedStateMachine):
        """A life begins with no Service at all."""

        def __init__(self) -> None:
            super().__init__()
            if explorer.over:
                raise Enough
            self.made: list[Change] = []
            self.bursts: Iterator[int] = iter(())
            self.left = 1
            explorer.lives += 1
            trial.reset()

        def do(self, verb: str, *arguments: Any) -> None:
            """Make a change, unless it is enough."""
            if explorer.over:
                self.teardown()
                raise Enough
            change = Change(verb, arguments, hasty=self.left > 1)
            world = trial.bench.world
            if verb != "restart" and apply(world, change) == world:
                return
            self.made.append(change)
            self.left = self.left - 1 or next(self.bursts, 1)
            with self.kept():
                make(trial, change)

        def teardown(self) -> None:
            """Look once more when the last change was a hasty one."""
            if self.made and self.made[-1].hasty:
                self.made[-1] = replace(self.made[-1], hasty=False)
                with self.kept():
                    trial.judge()

        @contextmanager
        def kept(self) -> Iterator[None]:
            """Keep what fails; after anything else there is nothing to look at."""
            try:
                yield
            except AssertionError as error:
                explorer.failed(self.made, str(error))
                raise
            except BaseException:
                self.made.clear()
                raise

        def has(self) -> bool:
            """Tell whether there is a Service to change."""
            return bool(trial.bench.world.services)

        def pick(self, slot: str) -> str:
            """Return a slot with a Service."""
            held = sorted(trial.bench.world.services)
            return slot if slot in held else held[0]

        @initialize(
            kind=TYPES,
            ports=PORTS,
            first=any_endpoints,
            bursts=st.lists(st.sampled_from(PACES), min_size=LENGTH, max_size=LENGTH),
        )
        def begin(self, kind: Any, ports: Any, first: Any, bursts: Any) -> None:
            """Have one Service at least."""
            self.bursts = iter(bursts)
            self.left = next(self.bursts)
            service = Service(type=kind, ports=ports, slices=(("a", first),))
            self.do("put", "s0", service)

        @rule(
            slot=SLOTS,
            kind=TYPES,
            ports=PORTS,
            first=any_endpoints,
            internal=POLICY,
            external=POLICY,
            affinity=st.booleans(),
            reachable=st.booleans(),
        )
        def put(
            self,
            slot: str,
            kind: Any,
            ports: Any,
            first: Any,
            internal: Any,
            external: Any,
            affinity: bool,  # noqa: FBT001
            reachable: bool,  # noqa: FBT001
        ) -> None:
            """Make a Service, or make another one of it."""
            service = Service(
                kind, ports, internal, external, affinity, reachable, slices=(("a", first),)
            )
            self.do("put", slot, service)

        @precondition(has)
        @rule(slot=SLOTS)
        def remove(self, slot: str) -> None:
            """Delete a Service."""
            self.do("remove", self.pick(slot))

        @precondition(has)
        @rule(slot=SLOTS, suffix=st.sampled_from("aab"), listed=any_endpoints)
        def slices(self, slot: str, suffix: str, listed: Any) -> None:
            """Replace a slice."""
            self.do("slice", self.pick(slot), suffix, listed)

        @precondition(has)
        @rule(slot=SLOTS, pod=st.integers(0, pods - 1), state=STATES)
        def flip(self, slot: str, pod: int, state: Any) -> None:
            """Change one endpoint, or add it."""
            self.do("flip", self.pick(slot), pod, state)

        @precondition(has)
        @rule(slot=SLOTS, ports=PORTS)
        def ports(self, slot: str, ports: Any) -> None:
            """Add, remove or rename ports."""
            self.do("set", self.pick(slot), "ports", ports)

        @precondition(has)
        @rule(slot=SLOTS, kind=TYPES)
        def type(self, slot: str, kind: Any) -> None:
            """Change the type."""
            self.do("set", self.pick(slot), "type", kind)

        @precondition(has)
        @rule(slot=SLOTS, name=st.sampled_from(["internal", "external"]), policy=POLICY)
        def policy(self, slot: str, name: str, policy: Any) -> None:
            """Change a traffic policy."""
            self.do("set", self.pick(slot), name, policy)

        @precondition(has)
        @rule(slot=SLOTS, on=st.booleans())
        def affinity(self, slot: str, on: bool) -> None:  # noqa: FBT001
            """Turn session affinity on or off."""
            self.do("set", self.pick(slot), "affinity", on)

        @precondition(has)
        @rule(slot=SLOTS, on=st.booleans())
        def external_ip(self, slot: str, on: bool) -> None:  # noqa: FBT001
            """Give an external IP or take it away."""
            self.do("set", self.pick(slot), "external_ip", on)

        @precondition(has)
        @rule(slot=SLOTS, who=st.sampled_from(["", "outside", "pods"]))
        def ranges(self, slot: str, who: Any) -> None:
            """Limit who may use the load balancer."""
            self.do("set", self.pick(slot), "ranges", who)

        @rule(node=st.integers(0, nodes - 1), zone=NODES)
        def zone(self, node: int, zone: int) -> None:
            """Move a node to another zone."""
            self.do("zone", node, zone)

        @rule(node=st.integers(0, nodes - 1), really=st.integers(0, 3))
        def restart(self, node: int, really: int) -> None:
            """Kill and restart a kube-proxy, now and then: it takes as long as five changes."""
            if really == 1:
                self.do("restart", node)

    return Lives


__all__ = ["Explorer", "Found", "make", "replay", "to_line"]
