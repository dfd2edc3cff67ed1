"""What happened to one virtual server, and what a scheduler would have made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from suites.oracles.schedulers import Scheduler


@dataclass(frozen=True, slots=True)
class Connected:
    """A new connection: who asked, and which destination answered, None where none did.

    `stays` is a TCP connection that is still open at the end of the trace or until it is `Closed`;
    without, it was closed by FIN before anything else happened. A UDP flow has no handshake.
    """

    client: str
    port: int
    picked: str | None
    stays: bool = False
    udp: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection that had stayed was closed."""

    picked: str


@dataclass(frozen=True, slots=True)
class Added:
    """A destination came, at the head of the kernel's list."""

    name: str


@dataclass(frozen=True, slots=True)
class Drained:
    """A destination got weight 0."""

    name: str


@dataclass(frozen=True, slots=True)
class Removed:
    """A destination was deleted."""

    name: str


Event = Connected | Closed | Added | Drained | Removed


def replay(model: Scheduler, trace: Iterable[Event]) -> Iterator[str | None]:
    """Yield where the model sends each connection of the trace, None where it refuses.

    The model goes its own way: what a connection is held on is where the model sent it. Entries do
    not expire, so a trace must be shorter than the kernel's FIN timeout of 120 s. Raises ValueError
    for a trace that cannot be, as the models do.
    """
    elsewhere: dict[str, list[str]] = {}
    for event in trace:
        match event:
            case Connected():
                picked = model.connect(event.client, event.port)
                yield picked
                if picked is not None:
                    _open(model, event, picked)
                if event.stays and event.picked is not None:
                    elsewhere.setdefault(event.picked, []).append(picked or "")
            case Closed(name):
                if own := elsewhere[name].pop(0):
                    model.close(own)
            case Added(name):
                model.add(name)
            case Drained(name):
                model.set_weight(name, 0)
            case Removed(name):
                model.remove(name)


def _open(model: Scheduler, event: Connected, picked: str) -> None:
    if event.udp:
        return
    model.established(picked)
    if not event.stays:
        model.close(picked)


def observed(trace: Iterable[Event]) -> list[str | None]:
    """Return where each connection of the trace went."""
    return [event.picked for event in trace if isinstance(event, Connected)]


def agreement(predicted: Iterable[str | None], seen: Sequence[str | None]) -> int:
    """Count the connections before the first that went elsewhere than predicted."""
    return next(
        (at for at, (a, b) in enumerate(zip(predicted, seen, strict=True)) if a != b), len(seen)
    )
