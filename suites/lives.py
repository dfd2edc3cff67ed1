"""Random lives of Services: a hypothesis state machine over the model."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from suites.oracles.changes import Change, apply
from suites.oracles.world import Service
from suites.replay import make
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
    from collections.abc import Iterator

    from suites.explorer import Explorer

LENGTH = 40
"""Changes in one life; a fault that needs more is rarer than one that needs another start."""

PACES = (1, 1, 2, 4, 8, 16, 32)
"""Changes from look to look: a look takes as long as many changes. Alone, each is seen by itself;
where several meet in one sync, one is most easily lost."""


class Enough(BaseException):
    """Ends the search at once: hypothesis takes no other exception for the end of everything."""


def lives(explorer: Explorer) -> type[RuleBasedStateMachine]:  # noqa: C901 - a rule each
    """Return the machine whose lives an explorer runs, keeping there what fails."""
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
