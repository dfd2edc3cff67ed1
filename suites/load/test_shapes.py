"""Longer loads: from several places at once, and up to what a node carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.load.generator import Plan
from suites.load import figures
from suites.oracles.verdict import all_of, require, right, undecided, wrong

if TYPE_CHECKING:
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
    requires=("load-generator", "outside-client", "outside-route"),
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
    requires=("load-generator", "outside-client", "outside-route"),
    disruptive=True,
)
def test_knee(site: Site) -> None:
    """Up to the rate that its pod carries without a Service, a node carries the Service as well.

    The rate rises in steps, straight to the pod and through the Service in turns; the knee is the
    first at which half of the attempts are answered late.
    """
    knees: dict[str, int] = {}
    rows = []
    for rate in STEPS:
        samples = site.run(Plan(site.arms(), steps=f"{rate}x{SECONDS}", users=100))
        late = {arm: samples.total(arm).times["response"].quantile(50) for arm in samples.targets}
        rows.append({"rate": rate, **{f"{arm} ms": round(ns / 1e6, 2) for arm, ns in late.items()}})
        for arm, ns in late.items():
            if ns > KEEPS_UP:
                knees.setdefault(arm, rate)
        own = figures.kept_up(samples)
        if knees or own.ok is None:
            break
    site.observe("median response time by rate", rows)
    site.observe("knee", knees or "beyond the highest rate tried")
    failed = figures.failed_share(samples.total("service"))
    judgement = right(f"the Service and its pod both carry {rate} a second")
    if own.ok is None and not knees:
        judgement = own if rate == STEPS[0] else right(f"both carry the {rate} that can be made")
    elif "service" in knees and "direct" not in knees:
        judgement = wrong(
            f"at {rate} connections a second the Service answers late (median "
            f"{late['service'] / 1e6:.0f} ms) though its pod does not "
            f"({late['direct'] / 1e6:.0f} ms)"
        )
    lost = right("none failed") if not failed else wrong(f"{failed:.1%} of connections failed")
    require(all_of(judgement, lost))
