"""Which algorithm serves a Service, told from its traffic alone.

Nothing of a node is read: the kernel's order of the destinations is as unknown as the scheduler, so
every scheduler is tried with every order, and those remain whose model sends each connection of
each trace where it went. What no model explains is random, or nothing that is known here.

Pairs that stay together, since kube-proxy writes only weights 0 and 1: lc and wlc, sed and nq; and
iptables, nftables and a random IPVS scheduler (twos) but for the latter's taste for idle
destinations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from suites.oracles.schedulers import SCHEDULERS, scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.trace import agreement, observed, replay
from suites.oracles.verdict import Judgement, listing, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from suites.oracles.schedulers.trace import Event

ALIKE = (frozenset({"lc", "wlc"}), frozenset({"sed", "nq"}))
"""Schedulers that no traffic tells apart while all weights are 0 or 1."""

RANDOM = "random"
"""What no exact model explains: iptables, nftables, and twos."""


@dataclass(frozen=True, slots=True)
class Traced:
    """The traces of virtual servers of one node that have the same endpoints.

    `address` is the servers' own, `endpoints` the names of the first destinations in any order.
    """

    address: str
    endpoints: tuple[str, ...]
    traces: tuple[tuple[Event, ...], ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What may have served: the schedulers that explain everything, and how far the others came."""

    schedulers: frozenset[str]
    explained: Mapping[str, int]
    connections: int

    @property
    def name(self) -> str:
        """The schedulers in one word, as lc/wlc."""
        return "/".join(sorted(self.schedulers, key=list(SCHEDULERS).index)) or RANDOM


def fingerprint(traced: Traced) -> Fingerprint:
    """Find the schedulers whose models explain every trace, each in an order of its own."""
    total = sum(len(observed(trace)) for trace in traced.traces)
    explained = {name: _explained(name, traced) for name in SCHEDULERS}
    found = frozenset(name for name, count in explained.items() if count == total)
    return Fingerprint(found, explained, total)


def is_served_by(configured: str, seen: Fingerprint) -> Judgement:
    """Judge whether the configured scheduler is what the traffic shows, and nothing else is.

    Undecided if the traffic also fits a scheduler from which it should be told apart.
    """
    figures = {f"explained by {name}": float(count) for name, count in seen.explained.items()}
    if configured not in seen.schedulers:
        most = max(seen.explained, key=seen.explained.__getitem__)
        close = f", of which {most} explains {seen.explained[most]}" if seen.name == RANDOM else ""
        return wrong(
            f"{seen.connections} connections went where {seen.name} sends them, "
            f"not {configured}{close}",
            figures=figures,
        )
    others = seen.schedulers - {configured}
    if any(configured in pair and others <= pair for pair in ALIKE) or not others:
        return right(
            f"{seen.connections} connections can only be the work of {seen.name}", figures=figures
        )
    return undecided(
        f"{seen.connections} connections fit {listing(sorted(seen.schedulers), 'and')} alike",
        figures=figures,
    )


def _explained(name: str, traced: Traced) -> int:
    """Count the connections of all traces that a scheduler explains, in the order that fits best.

    A trace counts up to its first connection that went elsewhere.
    """
    return sum(_best(name, traced, trace, observed(trace)) for trace in traced.traces)


def _best(name: str, traced: Traced, trace: Sequence[Event], seen: Sequence[str | None]) -> int:
    models = (
        scheduler(name, [Destination(each) for each in order], traced.address)
        for order in permutations(traced.endpoints)
    )
    return max(agreement(replay(model, trace), seen) for model in models)
