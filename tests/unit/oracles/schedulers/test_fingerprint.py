"""Which scheduler serves, told from simulated traffic: each one from each other one."""

from __future__ import annotations

import random
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from suites.oracles.schedulers import SCHEDULERS, scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.fingerprint import (
    ALIKE,
    RANDOM,
    Traced,
    fingerprint,
    is_served_by,
)
from suites.oracles.schedulers.trace import (
    Added,
    Closed,
    Connected,
    Drained,
    Event,
    Removed,
    observed,
    replay,
)
from tests.unit.oracles.schedulers.histories import SERVER, endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

ENDPOINTS = tuple(endpoint(number) for number in range(1, 5))
LATE = endpoint(9)
CLIENTS = ("10.244.1.2", "10.244.1.3", "10.244.1.5")


class Traffic:
    """Makes the events of one virtual server, whose picks a function chooses."""

    def __init__(self, choose: Callable[[Event], str | None]) -> None:
        self.choose = choose
        self.events: list[Event] = []
        self.port = 40000

    def connect(
        self, times: int, client: str = CLIENTS[0], *, stays: bool = False, udp: bool = False
    ) -> None:
        """Connect one after the other, each from a port of its own."""
        for _ in range(times):
            self.port += 1
            asked = Connected(client, self.port, None, stays=stays, udp=udp)
            picked = self.choose(asked)
            self.events.append(Connected(client, self.port, picked, stays=stays, udp=udp))

    def note(self, event: Event) -> None:
        """Note a change."""
        self.events.append(event)
        self.choose(event)


def program(make: Callable[[], Callable[[Event], str | None]]) -> tuple[tuple[Event, ...], ...]:
    """Run the traffic that the scheduler cases make: short, held, beside a held one, UDP."""
    servers = [Traffic(make()) for _ in range(4)]
    short, held, mixed, udp = servers
    short.connect(12)
    for client in CLIENTS[1:]:
        short.connect(4, client)
    held.connect(10, stays=True)
    mixed.connect(1, stays=True)
    mixed.connect(12)
    udp.connect(12, udp=True)
    for server in servers:
        server.note(Added(LATE))
    short.connect(8)
    held.connect(3, stays=True)
    mixed.connect(4)
    udp.connect(4, udp=True)
    for server in servers:
        used = any(isinstance(e, Connected) and e.picked == LATE for e in server.events)
        server.note(Drained(LATE) if used and server is not udp else Removed(LATE))
    short.connect(8)
    held.connect(2, stays=True)
    mixed.connect(4)
    udp.connect(4, udp=True)
    return tuple(tuple(server.events) for server in servers)


def by_model(name: str, dice: random.Random) -> Callable[[], Callable[[Event], str | None]]:
    """Choose as the scheduler does, in a random order for each server."""

    def make() -> Callable[[Event], str | None]:
        order = dice.sample(ENDPOINTS, len(ENDPOINTS))
        destinations = [Destination(each) for each in order]
        so_far: list[Event] = []

        def choose(event: Event) -> str | None:
            so_far.append(event)
            if not isinstance(event, Connected):
                return None
            *_, picked = replay(scheduler(name, destinations, SERVER), so_far)
            so_far[-1] = Connected(
                event.client, event.port, picked, stays=event.stays, udp=event.udp
            )
            return picked

        return choose

    return make


def traced(name: str, seed: int) -> Traced:
    """Simulate a scheduler's traffic."""
    dice = random.Random(seed)  # noqa: S311 - a fixed seed, nothing secret
    return Traced(SERVER, ENDPOINTS, program(by_model(name, dice)))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_each_is_told_from_all_that_can_be_told(name: str, seed: int) -> None:
    """What remains is the scheduler, with its twin where it has one."""
    alike = next((pair for pair in ALIKE if name in pair), frozenset({name}))
    assert fingerprint(traced(name, seed)).schedulers == alike


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_the_configured_one_is_right_and_any_other_wrong(name: str) -> None:
    """The judgement names what serves in place of what was configured."""
    seen = fingerprint(traced(name, 3))
    assert is_served_by(name, seen).ok is True
    alike = next((pair for pair in ALIKE if name in pair), frozenset({name}))
    for other in set(SCHEDULERS) - alike:
        judgement = is_served_by(other, seen)
        assert judgement.ok is False
        assert f"not {other}" in judgement.sentence


def test_random_is_no_scheduler() -> None:
    """An even random choice is explained by none of the models."""
    dice = random.Random(5)  # noqa: S311 - a fixed seed, nothing secret
    seen = Traced(SERVER, ENDPOINTS, program(lambda: lambda _event: dice.choice(ENDPOINTS)))
    assert fingerprint(seen).name == RANDOM
    assert is_served_by("rr", fingerprint(seen)).ok is False


def test_little_traffic_decides_nothing() -> None:
    """One connection fits many schedulers, which is no proof of any."""
    seen = Traced(SERVER, ENDPOINTS, ((Connected(CLIENTS[0], 1, ENDPOINTS[0]),),))
    judgement = is_served_by("rr", fingerprint(seen))
    assert judgement.ok is None
    assert judgement.sentence.startswith("1 connections fit ")


def test_a_closed_connection_makes_room() -> None:
    """The model closes the connection that it had itself placed, wherever it was seen."""
    model = scheduler("ovf", [Destination(each) for each in ENDPOINTS[:1]])
    stays = Connected(CLIENTS[0], 1, ENDPOINTS[0], stays=True)
    trace: list[Event] = [stays, stays, stays, Closed(ENDPOINTS[0]), stays]
    assert list(replay(model, trace)) == [ENDPOINTS[0], ENDPOINTS[0], None, ENDPOINTS[0]]
    assert len(observed(trace)) == 4


def test_pairs_alike_are_no_others() -> None:
    """For every pair that is not declared alike there is traffic that tells them apart."""
    told = {name: fingerprint(traced(name, 7)).schedulers for name in SCHEDULERS}
    for one, other in combinations(SCHEDULERS, 2):
        assert (told[one] == told[other]) == (frozenset({one, other}) in ALIKE)
