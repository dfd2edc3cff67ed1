"""Changes of a world as values: applied, and written as one line that can be read again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from suites.oracles.world import Endpoint, Port, Service, World, from_plain, to_plain

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Change:
    """One change: a verb and what it takes.

    put SLOT SERVICE, remove SLOT, slice SLOT SUFFIX ENDPOINTS, flip SLOT POD STATE, set SLOT FIELD
    VALUE, zone NODE ZONE, restart NODE. After a `hasty` one the next follows at once, and nobody
    looks in between: kube-proxy may meet both in one sync.
    """

    verb: str
    arguments: tuple[Any, ...]
    hasty: bool = False

    def plain(self) -> list[Any]:
        """Return it as JSON can hold it; the verb of a hasty one ends in "+"."""
        verb = self.verb + ("+" if self.hasty else "")
        return [verb, *(_plain(argument) for argument in self.arguments)]


def apply(world: World, change: Change) -> World:
    """Return the world after a change; one of a Service that is not there changes nothing.

    Raises ValueError for a verb that there is not; a restart changes nothing.
    """
    if change.verb == "restart":
        return world
    if change.verb == "zone":
        node, zone = change.arguments
        return world.move(node, zone)
    slot, *rest = change.arguments
    if change.verb == "put":
        return world.put(slot, rest[0])
    service = world.services.get(slot)
    if service is None:
        return world
    if change.verb == "remove":
        return world.remove(slot)
    return world.put(slot, _changed(service, change.verb, rest))


def _changed(service: Service, verb: str, rest: Sequence[Any]) -> Service:
    if verb == "set":
        name, value = rest
        return replace(service, **{name: value})
    if verb == "slice":
        suffix, endpoints = rest
        return service.with_slice(suffix, endpoints)
    if verb == "flip":
        pod, state = rest
        return _flipped(service, pod, state)
    raise ValueError(f"there is no change {verb}")


def _flipped(service: Service, pod: int, state: Any) -> Service:
    """Change the state of one pod where it is, or add it to the first slice."""
    for suffix, listed in service.slices:
        if any(e.pod == pod for e in listed):
            changed = tuple(replace(e, state=state) if e.pod == pod else e for e in listed)
            return service.with_slice(suffix, changed)
    first = dict(service.slices).get("a", ())
    return service.with_slice("a", (*first, Endpoint(pod, state)))


def to_line(changes: Sequence[Change]) -> str:
    """Write changes as one line of JSON."""
    return json.dumps([change.plain() for change in changes], separators=(",", ":"))


def change_from(entry: Sequence[Any]) -> Change:
    """Read one change of such a line."""
    written, *arguments = entry
    verb = written.removesuffix("+")
    if verb == "put":
        arguments[1] = from_plain(arguments[1])
    elif verb == "slice":
        arguments[2] = tuple(Endpoint(*one) for one in arguments[2])
    elif verb == "set" and arguments[1] == "ports":
        arguments[2] = tuple(Port(*one) for one in arguments[2])
    return Change(verb, tuple(arguments), hasty=verb != written)


def _plain(argument: Any) -> Any:
    if isinstance(argument, Service):
        return to_plain(argument)
    if isinstance(argument, tuple):
        return [_plain(one) for one in argument]
    if isinstance(argument, Endpoint):
        return [argument.pod, argument.state, argument.zone, argument.node]
    if isinstance(argument, Port):
        return [argument.name, argument.protocol, argument.port]
    return argument
