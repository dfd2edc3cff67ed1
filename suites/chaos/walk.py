"""Random sequences of faults and changes: drawn from a seed, written as one line, made again."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fixtures.faults import Fault, fault_from
from fixtures.history import FORGOTTEN
from fixtures.network_faults import Netem
from suites.chaos.effects import EFFECTS, TOGETHER, Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.history import Span
    from suites.chaos.site import Site

BAD_LINKS = (
    "loss 100%",
    "delay 40ms 20ms",
    "loss 5%",
    "duplicate 10%",
    "delay 10ms reorder 30% 50%",
)
MOST_CHANGES = 3


@dataclass(frozen=True)
class Step:
    """One or two faults at once, with so many changes of endpoints during them, and after."""

    faults: tuple[Fault, ...]
    during: int
    after: int

    @property
    def effects(self) -> list[Effect]:
        """What the faults may do."""
        return [EFFECTS[type(fault)] for fault in self.faults]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        faults = [fault.plain() for fault in self.faults]
        return {"faults": faults, "during": self.during, "after": self.after}


def draw(
    seed: int, steps: int, victim: str, able: frozenset[str], *, only: Sequence[type[Fault]] = ()
) -> list[Step]:
    """Return the steps of a seed, of faults that the cluster is able to make."""
    chance = random.Random(seed)  # noqa: S311 - it has to come again by its seed
    kinds = [k for k in EFFECTS if k.requires <= able and (not only or k in only)]

    def make(kind: type[Fault]) -> Fault:
        if kind is Netem:
            return Netem(victim, chance.choice(BAD_LINKS))
        return kind("" if EFFECTS[kind].deaf == "all" else victim)

    drawn = []
    for _ in range(steps):
        first = chance.choice(kinds)
        chosen = [make(first)]
        partners = [kind for kind in TOGETHER.get(first, ()) if kind in kinds]
        if partners and chance.random() < 0.5:
            chosen.append(make(chance.choice(partners)))
        during, after = chance.randint(0, MOST_CHANGES), chance.randint(1, MOST_CHANGES)
        drawn.append(Step(tuple(chosen), during, after))
    return drawn


def to_line(steps: Sequence[Step]) -> str:
    """Write steps as one line."""
    return json.dumps([step.plain() for step in steps], separators=(",", ":"))


def from_line(line: str) -> list[Step]:
    """Read what `to_line` wrote; raises `HarnessError` for an unknown fault."""
    return [
        Step(tuple(fault_from(one) for one in step["faults"]), step["during"], step["after"])
        for step in json.loads(line)
    ]


@dataclass
class Allowed:
    """What the faults of a walk excuse, as `Site.judge` takes it."""

    deaf: list[Span] = field(default_factory=list)
    deaf_all: list[Span] = field(default_factory=list)
    excused: list[Span] = field(default_factory=list)
    excused_near: list[Span] = field(default_factory=list)
    flows_excused: list[Span] = field(default_factory=list)
    _outages: list[Span] = field(default_factory=list)

    def add(self, span: Span, effect: Effect) -> Span:
        """Add what one fault, which is over, excuses; returns the span with its aftermath."""
        longer = span.and_backoff() if effect.backoff else span
        if effect.retries:
            recent = [s for s in self._outages if span.start - s.end < FORGOTTEN]
            longer = span.and_retries(sum(s.end - s.start for s in recent))
            self._outages.append(longer)
        if effect.deaf:
            (self.deaf if effect.deaf == "victim" else self.deaf_all).append(longer)
        if effect.excused:
            (self.excused_near if effect.excused == "victim" else self.excused).append(longer)
        if effect.flows_break:
            self.flows_excused.append(longer)
        return longer


def walk(site: Site, steps: Sequence[Step]) -> Allowed:
    """Make the steps one after the other; each is healed before the next begins."""
    allowed = Allowed()
    for step in steps:
        spans = [site.nemesis.begin(fault) for fault in step.faults]
        if all(effect.writable for effect in step.effects):
            for _ in range(step.during):
                site.until_seen(site.swap(on=site.other), {site.other.name})
        else:
            site.experiment.go_on(1 + step.during)
        for fault in reversed(step.faults):
            site.nemesis.end(fault)
        for span, effect in zip(spans, step.effects, strict=True):
            site.experiment.allow(allowed.add(span, effect))
        for _ in range(step.after):
            site.until_seen(site.swap())
    site.experiment.go_on(2)
    return allowed
