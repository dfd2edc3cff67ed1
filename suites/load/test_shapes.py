"""Longer loads: from several places at once, and up to what a node carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.load.generator import Plan
from suites.load import figures
from suites.oracles.verdict import Judgement, all_of, require, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fixtures.load.samples import Samples
    from suites.load.site import Site

STEPS = (200, 400, 800, 1200, 1600)
SECONDS = 4
KEEPS_UP = 20e6
"""ns: a rate is carried while half of the attempts are answered within this of their moment."""


@case(
    "LOAD-006",
    feature=("load", "distributed"),
    profile="load",
    level="extended",
    requires=("load-generator",),
    reference="locust docs/running-distributed.rst",
    disruptive=True,
)
def test_distributed(site: Site) -> None:
    """Load that two clients make together arrives whole: each attempt is answered and counted."""
    site.enter(2)
    plan = Plan(site.arms(), steps="200x12", users=40)
    with site.generator.start_distributed(plan, [1, 2]) as load:
        samples = load.result()
    sent = sum(samples.total(arm).sent for arm in plan.arms)
    planned = 200 * 12
    site.observe("attempts", {"planned": planned, "made": sent})
    workers = [name for name in samples.generators if name != "master"]
    whole = (
        right(f"{sent} attempts by {len(workers)} workers")
        if len(workers) == 2 and abs(sent - planned) <= planned // 20
        else undecided(f"{len(workers)} workers made {sent} of {planned} attempts")
    )
    site.judge(samples, "tcp-short", whole)


@case(
    "LOAD-007",
    feature=("load", "capacity"),
    profile="load",
    level="extended",
    requires=("load-generator",),
    reference="kubernetes/community sig-scalability/slos/throughput.md",
    disruptive=True,
)
def test_knee(site: Site) -> None:
    """A node carries at least half as many connections a second through a Service as without it.

    The rate rises in steps, in turns through the Service and straight to a pod; one is carried
    while half of its attempts are answered soon after the moment that was meant for them.
    """
    carried = dict.fromkeys(site.arms(), 0)
    rows, judgements = [], []
    for rate in STEPS:
        samples = site.run(Plan(site.arms(), steps=f"{rate}x{SECONDS}", users=100))
        late = {arm: samples.total(arm).times["response"].quantile(50) for arm in carried}
        rows.append({"rate": rate, **{f"{arm} ms": round(ns / 1e6, 2) for arm, ns in late.items()}})
        own = figures.kept_up(samples)
        if own.ok is None:
            break
        soon = [
            arm for arm, ns in late.items() if ns <= KEEPS_UP and carried[arm] >= rows_before(rows)
        ]
        carried |= dict.fromkeys(soon, rate)
        if "service" in soon:
            judgements.append(unfailing(samples, rate))
        if not soon:
            break
    site.observe("median response time by rate", rows)
    site.observe("connections a second that were carried", carried)
    require(all_of(*judgements, half(carried) if any(carried.values()) else own))


def rows_before(rows: Sequence[Mapping[str, object]]) -> float:
    """Return the rate before the last one: who did not carry that is not asked again."""
    return float(str(rows[-2]["rate"])) if len(rows) > 1 else 0.0


def unfailing(samples: Samples, rate: int) -> Judgement:
    """Judge that no connection failed at a rate that was carried."""
    share = figures.failed_share(samples.total("service"))
    if share:
        return wrong(f"at {rate} connections a second {share:.1%} of those to the Service failed")
    return right(f"none failed at {rate} a second")


def half(carried: Mapping[str, int]) -> Judgement:
    """Judge what was carried through the Service against what its pod carries."""
    service, direct = carried["service"], carried["direct"]
    said = f"{service} connections a second through the Service, {direct} without"
    return (right if 2 * service >= direct else wrong)(said)
