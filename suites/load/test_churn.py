"""Load while endpoints change: nothing is lost, and what a change costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.churn import repeating
from fixtures.load.generator import Plan
from fixtures.slices import PORTS, endpoints
from fixtures.usage import usage
from suites.oracles.verdict import undecided

if TYPE_CHECKING:
    from clusters.protocol import Cluster
    from suites.load.site import Site

EVERY = 0.5
"""Seconds between two changes: at most 20 a second are what upstream's objectives suppose."""

FEWEST = 5
BLOCK = 0.05


@case(
    "LOAD-005",
    feature=("load", "endpoints", "churn", "resources"),
    profile="load",
    requires=("hand-made-endpoints", "load-generator", "node-access"),
    reference="kubernetes/community sig-scalability/slos/slos.md; k/k#129982",
    disruptive=True,
)
def test_churn(site: Site, cluster: Cluster) -> None:
    """While endpoints change under load no connection fails, and a change costs bounded CPU."""
    changing = site.changing()
    plan = Plan(site.arms_of(changing), steps="150x7", block=BLOCK)

    def change(number: int) -> None:
        chosen = site.pods[:1] if number % 2 else site.pods
        changing.set_endpoints(endpoints(chosen, site.family), ports=PORTS)

    with site.start(plan) as load:
        load.begun()
        before, began = usage(cluster, site.node), time.monotonic()
        with repeating(change, every=EVERY) as made:
            samples = load.result()
        changes, seconds = made(), time.monotonic() - began
    site.check.until_settled(site.client, changing.target())
    spent = usage(cluster, site.node).cpu - before.cpu
    cost = 1000 * spent / changes if changes else 0.0
    site.observe("changes", {"changes": changes, "seconds": round(seconds, 1)})
    site.observe("CPU-seconds per 1,000 changes", round(cost, 1))
    site.recorder.figure("CPU of 1,000 changes", cost, "s")
    budget = site.budgets.get(
        "churn", f"CPU-seconds per 1,000 changes in {site.node.spec.mode} mode"
    )
    few = undecided(f"only {changes} changes were made in {seconds:.0f} s")
    site.judge(samples, "churn", few if changes < FEWEST else budget.judge(cost))
