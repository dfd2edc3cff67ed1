"""The search on a pretended cluster: it finds, shrinks, replays and repeats itself."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from suites.explorer import Explorer
from suites.oracles.changes import to_line
from suites.oracles.world import Layout, World
from suites.replay import replay

if TYPE_CHECKING:
    from collections.abc import Callable

LAYOUT = Layout(pods=(0, 1, 0, 1), zones=(0, 1))


class Bench:
    """Remembers the world and every one there was."""

    pool = range(4)
    nodes = range(2)

    def __init__(self) -> None:
        self.world = World(LAYOUT)
        self.past: list[World] = []


class Pretended:
    """A trial whose verdict is a function of the world at the last look and the world now."""

    def __init__(self, right: Callable[[World, World], bool]) -> None:
        self.bench = Bench()
        self.right = right
        self.steps = 0
        self.looks: list[int] = []
        self.seen = self.bench.world

    def reset(self) -> None:
        """Begin a life."""
        self.bench.world = self.seen = World(LAYOUT)

    def step(self, world: World) -> None:
        """Make a change."""
        self.steps += 1
        self.bench.world = world
        self.bench.past.append(world)

    def judge(self) -> None:
        """Take what has become of the world for wrong as the function says."""
        self.looks.append(self.steps)
        before, self.seen = self.seen, self.bench.world
        if not self.right(before, self.seen):
            raise AssertionError("it is wrong")

    def restart(self, _node: int) -> None:
        """Do nothing."""
        self.steps += 1


def explored(right: Callable[[World, World], bool], steps: int, seed: int) -> tuple[Any, Pretended]:
    """Explore a pretended cluster."""
    trial = Pretended(right)
    return Explorer(trial, steps, seed).run(), trial  # type: ignore[arg-type]


def affine_udp_drained(_before: World, after: World) -> bool:
    """Break with a drained endpoint of a Service with affinity."""
    return not any(
        service.affinity and any(e.state == "draining" for e in service.endpoints)
        for service in after.services.values()
    )


def test_what_is_right_is_explored_to_the_end() -> None:
    """Nothing is found where nothing is wrong, and all steps are made."""
    found, trial = explored(lambda _b, _a: True, 150, 1)
    assert not found.sentence
    assert trial.steps == 150
    assert trial.looks[-1] == 150
    between = [after - before for before, after in pairwise(trial.looks)]
    assert {1, 2, 4} < set(between)
    assert len(between) < 75
    assert len({to_line([]) + str(world) for world in trial.bench.past}) > 60


def test_a_fault_is_found_and_shrunk() -> None:
    """The shortest sequence that shows it remains, and its line shows it again."""
    found, _ = explored(affine_udp_drained, 1000, 1)
    assert found.sentence == "it is wrong"
    assert len(found.changes) <= 2
    line = to_line(found.changes)
    again = replay(Pretended(affine_udp_drained), line)  # type: ignore[arg-type]
    assert again.sentence == "it is wrong"
    assert to_line(again.changes) == line


def test_a_fault_of_the_second_state_is_found() -> None:
    """What goes wrong only in a change from one state to another is found as well."""

    def right(before: World, after: World) -> bool:
        for slot, service in after.services.items():
            old = before.services.get(slot)
            if old and old.type == "LoadBalancer" and service.type == "ClusterIP":
                return False
        return True

    found, _ = explored(right, 1000, 2)
    assert found.sentence
    assert len(found.changes) == 2


def test_a_seed_repeats_a_search() -> None:
    """The same seed makes the same changes."""
    (_, first), (_, second), (_, third) = (explored(lambda _b, _a: True, 60, s) for s in (7, 7, 8))
    assert first.bench.past == second.bench.past
    assert first.bench.past != third.bench.past


def test_a_replay_of_what_is_right_finds_nothing() -> None:
    """A line that shows no fault any more says so."""
    line = '[["put","s0",{"slices":{"a":[[0,"ready",null,null]]}}],["remove","s0"],["restart",1]]'
    trial = Pretended(lambda _b, _a: True)
    assert not replay(trial, line).sentence  # type: ignore[arg-type]
    assert trial.steps == 3


def test_a_replay_looks_where_no_haste_was() -> None:
    """What follows at once is not looked at before, but there is always a look at the end."""
    line = (
        '[["put+","s0",{"slices":{}}],["set","s0","affinity",true],["restart",0],["remove+","s0"]]'
    )
    trial = Pretended(lambda _b, _a: True)
    assert not replay(trial, line).sentence  # type: ignore[arg-type]
    assert trial.looks == [2, 3, 4]


def test_a_fault_of_haste_keeps_its_haste() -> None:
    """Where two changes break only together, the line says that nobody looks between them."""

    def right(before: World, after: World) -> bool:
        changed = [
            before.services[slot] != after.services[slot]
            for slot in ("s0", "s1")
            if slot in before.services and slot in after.services
        ]
        return changed != [True, True]

    found, _ = explored(right, 1000, 3)
    assert found.sentence
    assert [change.hasty for change in found.changes].count(True) == 1
    assert '+"' in to_line(found.changes)
