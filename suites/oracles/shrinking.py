"""The shortest sequence of changes that still fails, in few tries: each is made in a real cluster.

Hypothesis shrinks what was drawn, in hundreds of tries. Changes are values, so leaving them out and
making them plainer gets there in some dozens.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

from suites.oracles.world import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from suites.oracles.changes import Change

    Try = Callable[[list[Change]], list[Change] | None]
    """Makes changes; returns those up to the one that failed, None if none did."""

T = TypeVar("T")


def shrink(changes: list[Change], attempt: Try, over: Callable[[], bool]) -> list[Change]:
    """Return the shortest and plainest changes that were seen to fail before it was `over`."""
    best = changes
    # Where somebody looks after each, more can be left out.
    for simpler in (_shorter, _calmer, _shorter, _plainer):
        found: list[Change] | None = best
        while found is not None:
            best = found
            found = None
            for candidate in simpler(best):
                if over():
                    return best
                found = attempt(candidate)
                if found is not None:
                    break
    return best


def shortest(
    items: Sequence[T], fails: Callable[[list[T]], bool], over: Callable[[], bool]
) -> list[T]:
    """Return a shortest list of some of these items, in their order, that was seen to fail.

    A half, a quarter ... and each single one are left out while what is left still fails (Zeller's
    delta debugging, ddmin).
    """
    best, size = list(items), max(1, len(items) // 2)
    while len(best) > 1:
        for start in range(0, len(best), size):
            candidate = best[:start] + best[start + size :]
            if over():
                return best
            if candidate and fails(candidate):
                best, size = candidate, max(1, min(size, len(candidate) // 2))
                break
        else:
            if size == 1:
                break
            size //= 2
    return best


def _shorter(changes: list[Change]) -> Iterator[list[Change]]:
    """Leave out a half, a quarter ... and each single one but the last, which is what failed."""
    size = max(1, (len(changes) - 1) // 2)
    while True:
        for start in range(0, len(changes) - 1, size):
            kept = changes[:start] + changes[min(start + size, len(changes) - 1) :]
            if len(kept) < len(changes):
                yield kept
        if size == 1:
            return
        size //= 2


def _plainer(changes: list[Change]) -> Iterator[list[Change]]:
    """Have a Service as usual in one more way, or with an endpoint less."""
    for index, change in enumerate(changes):
        for position, argument in enumerate(change.arguments):
            if not isinstance(argument, Service):
                continue
            for service in _plainer_services(argument):
                arguments = list(change.arguments)
                arguments[position] = service
                plainer = replace(change, arguments=tuple(arguments))
                yield [*changes[:index], plainer, *changes[index + 1 :]]


def _calmer(changes: list[Change]) -> Iterator[list[Change]]:
    """Look after one more change."""
    for index, change in enumerate(changes):
        if change.hasty:
            yield [*changes[:index], replace(change, hasty=False), *changes[index + 1 :]]


def _plainer_services(service: Service) -> Iterator[Service]:
    usual = Service()
    # Ports and slices become fewer instead: as usual would be more than a failure needs.
    for name in sorted({field.name for field in fields(Service)} - {"ports", "slices"}):
        if getattr(service, name) != getattr(usual, name):
            yield replace(service, **{name: getattr(usual, name)})
    if len(service.ports) > 1:
        for port in service.ports:
            yield replace(service, ports=tuple(p for p in service.ports if p != port))
    for suffix, listed in service.slices:
        for endpoint in listed:
            yield service.with_slice(suffix, tuple(e for e in listed if e != endpoint))
