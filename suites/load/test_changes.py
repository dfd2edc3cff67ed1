"""What one change costs when there are many Services: a sync of it, not of everything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fixtures.bulk import Bulk
from fixtures.case import case
from fixtures.churn import flip_affinity
from fixtures.metrics import SYNCS
from suites.oracles.verdict import all_of, require, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kube import Kube
    from fixtures.metrics import Metrics
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.budgets import Budgets
    from suites.oracles.verdict import Judgement

MANY = 60
CHANGES = 6
"""Even, so that the last one leaves no affinity."""

MOST_SYNCS = 2
"""Syncs that one change may bring about: of it, and of what its sync made known."""

FULL = "kubeproxy_sync_full_proxy_rules_duration_seconds_count"
SUM = SYNCS.replace("_count", "_sum")


@case(
    "LOAD-010",
    feature=("sync", "batching", "scale"),
    profile="load",
    requires=("hand-made-endpoints", "node-access", "proxy-restart"),
    reference="k/k#126013, KEP-3453",
    disruptive=True,
)
def test_a_change_is_synced_alone(
    cluster: Cluster,
    kube: Kube,
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    metrics: Metrics,
    check: Check,
    budgets: Budgets,
    family: Family,
    observe: Callable[[str, object], None],
) -> None:
    """One change among many Services takes one or two short syncs, and none of all rules."""
    node = nodes[0]
    # A sync of its own accord would count for a change's.
    proxies.set_periods([node], sync="1h")
    Bulk(kube, workloads.namespace, family).grow(MANY)
    client, pods = clients.pod(node), workloads.pods(2, on=node)
    service = workloads.service()
    check.reaches(client, service.target(), pods)
    check.until_settled(client, service.target())
    before = counted(metrics, node)
    for number in range(CHANGES):
        flip_affinity(service, number)
        workloads.until_settled("the change is synced")
    check.reaches(client, service.target(), pods)
    found = {name: value - before[name] for name, value in counted(metrics, node).items()}
    observe(f"for {CHANGES} changes among {MANY} Services", found)
    budget = budgets.get("changes", f"sync time in {cluster.nodes[0].spec.mode} mode")
    mean = found["seconds"] / found["syncs"] if found["syncs"] else None
    require(all_of(few(found), budget.judge(mean)))


def few(found: dict[str, float]) -> Judgement:
    """Judge the counts of syncs, which no busy machine changes."""
    if not found["syncs"]:
        return undecided(f"no sync was counted for {CHANGES} changes")
    if found["full syncs"]:
        return wrong(
            f"{found['full syncs']:.0f} of {found['syncs']:.0f} syncs for {CHANGES} changes of one "
            "Service were of all rules; none should be"
        )
    most = MOST_SYNCS * CHANGES
    if found["syncs"] > most:
        return wrong(f"{CHANGES} changes took {found['syncs']:.0f} syncs; at most {most} are right")
    return right(f"{CHANGES} changes took {found['syncs']:.0f} syncs, none of all rules")


def counted(metrics: Metrics, node: Node) -> dict[str, float]:
    """Return how many syncs of IPv4 there were, of what kind, and how long they took."""
    samples = metrics.samples(node)

    def own(name: str) -> float:
        found = samples.get(name, {})
        return found.get('ip_family="IPv4"', math.fsum(found.values()))

    return {"syncs": own(SYNCS), "full syncs": own(FULL), "seconds": own(SUM)}
