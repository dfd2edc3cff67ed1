"""What load cases make of samples: ratios by round, failures, and the generator's own limits."""

from __future__ import annotations

import pytest

from fixtures.load.samples import Generator, Samples
from suites.load.figures import delivered, judge, kept_up, measured
from suites.load.versus import Crossover, crossover, spared
from suites.oracles.budgets import Budgets
from suites.oracles.ratio import Ratio

BUDGETS = Budgets(
    {
        "tcp": {
            "connect p50": {"over": "direct", "ratio": 2.0, "why": "so"},
            "failed share": {"most": 0, "why": "so"},
        }
    }
)


def samples(factor: float, *, load: float = 0.2, late: int = 1_000_000) -> Samples:
    """Return ten rounds in which the Service takes `factor` times as long as its pod."""
    made = Samples()
    made.generators["local"] = Generator(load * 10, 10.0)
    for number in range(10):
        for arm, ns in (("service", 300_000 * factor), ("direct", 300_000)):
            block = made.block(arm, number)
            for _ in range(20):
                block.sent += 1
                block.record("connect", int(ns))
                block.backends["a/pod"] += 1
                made.late.record(late)
    return made


@pytest.mark.parametrize(("factor", "ok"), [(1.3, True), (2.5, False)])
def test_a_slow_service_misses_its_budget(factor: float, ok: bool) -> None:  # noqa: FBT001
    """The budget is against the pod, in the same rounds."""
    judgement = judge(samples(factor), BUDGETS, "tcp")
    assert judgement.ok is ok
    assert ok or "connect p50 against direct is 2.5" in judgement.sentence


@pytest.mark.parametrize(("most", "ok"), [(0.5, True), (0.3, False)])
def test_a_budget_in_milliseconds_is_of_the_service_alone(most: float, ok: bool) -> None:  # noqa: FBT001
    """On processors of one's own a median is held to a time, whatever the pod's."""
    budgets = Budgets({"tcp": {"connect p50": {"most": most, "unit": "ms", "why": "so"}}})
    judgement = judge(samples(1.2), budgets, "tcp")
    assert judgement.ok is ok
    assert judgement.figures["connect p50"] == pytest.approx(0.36, rel=0.01)


def test_a_budget_of_what_was_not_measured_decides_nothing() -> None:
    """Kept connections that nobody made have no time."""
    budgets = Budgets({"tcp": {"kept p50": {"most": 5, "unit": "ms", "why": "so"}}})
    assert judge(samples(1.2), budgets, "tcp").ok is None


def test_ratio_is_by_round() -> None:
    """A round that one arm lacks is left out."""
    made = samples(1.5)
    made.block("service", 99).record("connect", 1)
    found = measured(made, "connect p50", "service", "direct")
    assert found is not None
    assert (found.rounds, round(found.middle, 2)) == (10, 1.5)


def test_failures_are_the_services() -> None:
    """One failed connection through the Service breaks a budget of none."""
    made = samples(1.2)
    made.block("service", 0).sent += 1
    made.fail(0, "service", 0, "timeout")
    judgement = judge(made, BUDGETS, "tcp")
    assert judgement.ok is False
    assert "1 of 201 attempts through the Service failed: timeout (1)" in judgement.sentence


def test_failures_without_a_service_decide_nothing() -> None:
    """Where the pod itself loses connections, the Service is not to blame."""
    made = samples(1.2)
    for arm in ("service", "direct"):
        made.fail(0, arm, 0, "timeout")
    assert judge(made, BUDGETS, "tcp").ok is None


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (samples(1.2, load=0.95), "may be the bottleneck"),
        (samples(1.2, late=300_000_000), "has no time for it"),
        (Samples(), "made no attempt"),
    ],
)
def test_a_slow_generator_decides_nothing(made: Samples, says: str) -> None:
    """What the generator could not do is no verdict on the build."""
    judgement = kept_up(made)
    assert judgement.ok is None
    assert says in judgement.sentence


def test_a_stranger_answered() -> None:
    """An answer of no endpoint is wrong, none at all is undecided."""
    assert delivered(samples(1.0), "service", ["a/pod"]).ok is True
    assert delivered(samples(1.0), "service", ["b/pod"]).ok is False
    assert delivered(Samples(), "service", ["a/pod"]).ok is None


def test_nodes_cancel_in_a_crossover() -> None:
    """A node twice as slow as the other leaves the builds' ratio as it is."""
    candidate, slow = 1.3, 2.0
    straight, swapped = (100 * candidate, slow * 100), (100.0, slow * 100 * candidate)
    found = Crossover([straight, swapped, swapped, straight] * 4).ratio()
    assert found is not None
    assert found.rounds == 8
    assert found.middle == pytest.approx(1.3)


def test_noise_that_the_floor_has_too_is_taken_away() -> None:
    """A phase in which both ways of a node were slow says nothing of the build."""
    slow = [1.0, 1.7, 0.8, 1.2, 1.4, 0.9] * 4
    nodes = [(1.3, 1.0), (1.0, 1.3), (1.0, 1.3), (1.3, 1.0)] * 6
    service = Crossover([(a * n, b) for (a, b), n in zip(nodes, slow, strict=True)])
    floor = Crossover([(n, 1.0) for n in slow])
    alone, together = service.ratio(), service.ratio(floor)
    assert alone is not None
    assert together is not None
    assert together.middle == pytest.approx(1.3)
    assert together.high / together.low < 1.01 < alone.high / alone.low


def test_a_build_that_slows_its_whole_node_is_told() -> None:
    """The way past it is no noise floor when it is surely slower."""
    assert spared(Ratio(1.2, 1.15, 1.25, 24), 1.1, "connect p50").ok is False
    assert spared(Ratio(1.1, 1.05, 1.15, 24), 1.1, "connect p50").ok is True
    assert spared(None, 1.1, "connect p50").ok is True


def test_a_phase_in_which_nothing_connected_has_no_pair() -> None:
    """It is left out, and that connections failed is what is said."""
    runs = [samples(1.0)] * 2
    found = crossover(runs, "nobody", "connect", 50.0)
    assert found.phases == [(0.0, 0.0)] * 2
    assert found.ratio() is None
