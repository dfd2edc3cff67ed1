"""Flows of each kind against a simulated proxy, and the figures made of them."""

from __future__ import annotations

import math
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest

from fixtures.agent.attempts import Attempts, Plan
from fixtures.clients import Target
from suites.oracles.schedulers import scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.schedulers.flows import KINDS, Flows, all_answered, interval, variation
from tests.unit.attempts import attempts

if TYPE_CHECKING:
    from suites.schedulers.flows import Spread

PODS = ("case/a", "case/b", "case/c", "case/d")
TARGET = Target("10.96.0.1", 80)


class Proxy:
    """Schedules what a client asks for, and knows what is open."""

    name = "client"

    def __init__(self, algorithm: str) -> None:
        self.model = scheduler(algorithm, [Destination(pod) for pod in PODS])
        self.agent = self

    def plan(self, target: Target, **options: Any) -> Plan:
        """Plan attempts."""
        return Plan(host=target.host, port=target.port, **options)

    def probe(self, plan: Plan) -> Attempts:
        """Make short connections."""
        picks = [self._connect() for _ in range(plan.count or 0)]
        for pick in picks:
            if pick:
                self.model.close(pick)
        return reached(picks)

    def hold(self, plan: Plan) -> Any:
        """Make connections that stay until they are released."""
        picks = [self._connect() for _ in range(plan.count or 0)]
        opened = [pick for pick in picks if pick]

        def release(how: str = "rst") -> None:
            del how
            while opened:
                self.model.close(opened.pop())

        held = SimpleNamespace(opened=reached(picks), release=release)
        return _Context(held)

    def _connect(self) -> str | None:
        picked = self.model.connect("10.0.0.1")
        if picked:
            self.model.established(picked)
        return picked


class _Context(SimpleNamespace):
    def __init__(self, held: Any) -> None:
        super().__init__(opened=held.opened, release=held.release)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def reached(picks: list[str | None]) -> Attempts:
    """Make the record of attempts that went there."""
    return attempts(*({"backend": pick, "outcome": "ok" if pick else "refused"} for pick in picks))


def spread(kind: str, algorithm: str) -> tuple[Spread, Flows]:
    """Make the flows of a kind through a scheduler."""
    flows = Flows(Proxy(algorithm), PODS)  # type: ignore[arg-type]
    return KINDS[kind](flows, TARGET), flows


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_round_robin_leaves_none_out(kind: str) -> None:
    """Whatever is counted, each endpoint gets some of it, and every flow is answered."""
    counted, flows = spread(kind, "rr")
    for counts in counted.values():
        assert set(counts) == set(PODS)
    assert flows.refused == 0
    assert all_answered(flows.refused, sum(map(len, flows.attempts)), "rr").ok is True


def test_connections_are_even_where_the_scheduler_goes_round() -> None:
    """Short and long flows differ by nothing with rr, and short ones all go to one with fo."""
    for kind in ("short", "long"):
        (counts,) = spread(kind, "rr")[0].values()
        assert variation(counts, PODS) == 0
    (counts,) = spread("short", "fo")[0].values()
    assert variation(counts, PODS) == pytest.approx(math.sqrt(3))


def test_least_connection_spares_the_slow() -> None:
    """One whose connections stay open gets its quarter from rr, and a part of it from lc."""
    (even,) = spread("slow", "rr")[0].values()
    (spared,) = spread("slow", "lc")[0].values()
    assert even[PODS[0]] == even.total() // 4
    assert spared[PODS[0]] < even[PODS[0]] / 1.5


def test_refused_flows_are_counted() -> None:
    """Ovf refuses when all are full, which the judgement names."""
    _, flows = spread("long", "ovf")
    assert flows.refused == 24 - 2 * len(PODS)
    judgement = all_answered(flows.refused, 24, "ovf")
    assert judgement.ok is False
    assert judgement.sentence == "16 of 24 connections were not answered (ovf)"


def test_variation_counts_those_who_got_nothing() -> None:
    """An endpoint without any is one with zero."""
    assert variation(Counter({"case/a": 6, "case/b": 6}), PODS) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="nothing was counted"):
        variation(Counter(), PODS)


def test_interval_is_students() -> None:
    """Five measurements of mean 3 and deviation 1.58: 2.776 standard errors to either side."""
    mean, low, high = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert mean == 3.0
    assert (low, high) == pytest.approx((3 - 1.963, 3 + 1.963), abs=1e-3)
    assert interval([0.0, 0.0]) == (0.0, 0.0, 0.0)
    assert interval([0.5]) == (0.5, 0.5, 0.5)
