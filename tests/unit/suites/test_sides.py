"""Questions to nodes of three modes: chance is no difference, and no difference is lost in it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.clients import Target
from fixtures.matrix import Aim, Seen, Vantage
from fixtures.timeouts import Timeouts
from suites.differential.sides import Served, Sides
from suites.oracles.differences import Question
from suites.oracles.world import Endpoint, Layout, Service, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Answer = Callable[[random.Random], Seen]

LAYOUT = Layout(pods=(0, 1, 2, 0, 1, 2), zones=(0, 1, 2))
PODS = range(6)
ASKED = Question("a scene", "at first", "cluster-ip", "tcp 80", "a pod", "everywhere")
TARGET = Target("10.96.0.1", 80)
MODES = ("iptables", "ipvs", "nftables")


def any_of(*pods: int) -> Answer:
    """Be answered by one of these pods, by chance."""
    return lambda chance: Seen("ok", str(chance.choice(pods)), 8080, "client")


def now_and_then(answer: Answer, share: float) -> Answer:
    """Be answered by nobody in a share of the attempts."""
    return lambda chance: Seen("timeout") if chance.random() < share else answer(chance)


class Node:
    """A node of one mode."""

    def __init__(self, mode: str) -> None:
        self.name = mode
        self.spec = type("Spec", (), {"mode": mode})


class Bench:
    """A bench whose nodes answer as they are told to."""

    def __init__(self, answers: Mapping[int, Answer]) -> None:
        self.nodes = [Node(mode) for mode in MODES]
        self.timeouts = Timeouts()
        self.matrix = self
        self.members = {0: 0, 1: 1, 2: 2}
        service = Service(slices=(("a", tuple(Endpoint(pod) for pod in PODS)),))
        self.world = World(LAYOUT, {"all": service})
        self.answers = answers
        self.chance = random.Random(1)  # noqa: S311
        self.attempts = 0

    def look(self, aims: Mapping[Aim, float], *, repeats: int) -> dict[Aim, list[Seen]]:
        """Answer."""
        self.attempts += repeats * len(aims)
        return {
            aim: [self.answers[aim.vantage.node](self.chance) for _ in range(repeats)]
            for aim in aims
        }


def asked(*answers: Answer) -> tuple[Sides, Bench]:
    """Ask one question of three nodes that answer so."""
    bench = Bench(dict(enumerate(answers)))
    sides = Sides(bench, state=None)  # type: ignore[arg-type]
    sides.settle_again = lambda: None  # type: ignore[method-assign]
    label = Served("all", 8080)
    sides.ask({Aim(Vantage("pod", node), TARGET, label): ASKED for node in range(3)})
    return sides, bench


def test_chance_is_no_difference() -> None:
    """Endpoints chosen by chance are the same answer, whichever were met first."""
    for _ in range(50):
        sides, _ = asked(any_of(*PODS), any_of(*PODS), any_of(*PODS))
        assert sides.found == []


def refuses(_chance: Any) -> Seen:
    """Be refused."""
    return Seen("refused")


ODD: dict[str, Answer] = {
    "refused": refuses,
    "silent": now_and_then(any_of(*PODS), 1.0),
    "silent half of the time": now_and_then(any_of(*PODS), 0.5),
    "own endpoints only": any_of(2, 5),
    "others' endpoints only": any_of(0, 1, 3, 4),
    "wrong port": lambda _chance: Seen("ok", "0", 8081, "client"),
    "masqueraded": lambda _chance: Seen("ok", "0", 8080, "node"),
    "a stranger": lambda _chance: Seen("ok", "stranger", 8080, "client"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_whatever_one_mode_does_otherwise_is_found(odd: Answer) -> None:
    """Outcome, endpoints, port and source are compared, and the odd mode is named."""
    sides, _ = asked(any_of(*PODS), any_of(*PODS), odd)
    (difference,) = sides.found
    assert difference.reasons == ()
    assert "in iptables and ipvs it" in str(difference)
    assert "in nftables it" in str(difference)


def test_a_moment_of_silence_is_no_difference() -> None:
    """What is silent at the first look and answers with patience was only slow."""
    first = [True]

    def slow(chance: random.Random) -> Seen:
        late, first[0] = first[0], False
        return Seen("timeout") if late else any_of(*PODS)(chance)

    sides, _ = asked(any_of(*PODS), any_of(*PODS), slow)
    assert sides.found == []


def test_agreement_costs_little() -> None:
    """Where all answers are equal nobody is asked twice."""
    _, bench = asked(refuses, refuses, refuses)
    assert bench.attempts == 3 * 4
