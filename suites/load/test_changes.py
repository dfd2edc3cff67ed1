"""What one change costs when there are many Services: a sync of it, not of everything."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from fixtures.bulk import Bulk
from fixtures.case import case
from fixtures.churn import flip_affinity, repeating
from fixtures.metrics import SYNCS
from fixtures.slices import PORTS, endpoints
from suites.oracles.verdict import all_of, require, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kube import Kube
    from fixtures.metrics import Metrics
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.budgets import Budgets
    from suites.oracles.verdict import Judgement

MANY = 60
CHANGES = 6
"""Even, so that the last one leaves no affinity."""

STREAMS = {"iptables": (6, 5), "nftables": (6, 5), "ipvs": (24, 22)}
"""Seconds of a minSyncPeriod, and of changes that fit into one. An IPVS sync takes so long itself
that in fewer seconds there would be no more of them without any period."""

EVERY, FEWEST = 0.1, 20

MOST_SYNCS = 2
"""Syncs that one change may bring about: of it, and of what its sync made known."""

FULL = "kubeproxy_sync_full_proxy_rules_duration_seconds_count"
SUM = SYNCS.replace("_count", "_sum")


@case(
    "LOAD-010",
    feature=("sync", "batching", "scale"),
    profile="load",
    requires=("hand-made-endpoints", "node-access"),
    reference="k/k#126013, KEP-3453",
    disruptive=True,
)
def test_a_change_is_synced_alone(
    cluster: Cluster,
    kube: Kube,
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    metrics: Metrics,
    check: Check,
    budgets: Budgets,
    family: Family,
    recorder: Recorder,
) -> None:
    """One change among many Services takes one or two short syncs, and none of all rules."""
    node = nodes[0]
    bulk = Bulk(kube, workloads.namespace, family)
    bulk.grow(MANY)
    client, pods = clients.pod(node), workloads.pods(2, on=node)
    service = workloads.service()
    check.reaches(client, service.target(), pods)
    check.until_settled(client, service.target())
    before = counted(metrics, node)
    for number in range(CHANGES):
        flip_affinity(service, number)
        workloads.until_settled("the change is synced")
    # A sync that only sleeps looks as if there were nothing to do.
    check.until(
        "a sync of the changes has ended",
        lambda: counted(metrics, node)["syncs"] > before["syncs"],
        within=check.timeouts.programmed,
    )
    check.reaches(client, service.target(), pods)
    found = {name: value - before[name] for name, value in counted(metrics, node).items()}
    bulk.clear()
    recorder.observe(f"for {CHANGES} changes among {MANY} Services", found)
    budget = budgets.get("changes", f"sync time in {cluster.nodes[0].spec.mode} mode")
    mean = found["seconds"] / found["syncs"] if found["syncs"] else None
    if mean is not None:
        recorder.figure("sync time", mean, "s")
    require(all_of(few(found), budget.judge(mean)))


@case(
    "LOAD-013",
    feature=("sync", "batching"),
    profile="load",
    level="extended",
    requires=("hand-made-endpoints", "node-access", "proxy-restart"),
    reference="k/k pkg/proxy/runner/bounded_frequency_runner.go; k/k#138073",
    disruptive=True,
)
def test_a_stream_of_changes_is_batched(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    metrics: Metrics,
    check: Check,
    family: Family,
    recorder: Recorder,
) -> None:
    """Changes that keep coming within one minSyncPeriod share a sync, however many they are."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[0])
    period, stream = STREAMS[node.spec.mode]
    service = workloads.service("changing", app=None)
    service.set_endpoints(endpoints(pods, family), ports=PORTS)
    proxies.set_periods([node], sync="1h", min_sync=f"{period}s")
    check.reaches(client, service.target(), pods)

    def change(number: int) -> None:
        service.set_endpoints(endpoints(pods[number % 2 :][:1], family), ports=PORTS)

    before, began = metrics.syncs(node), time.monotonic()
    with repeating(change, every=EVERY) as made:
        check.until(
            "changes come for a while", lambda: time.monotonic() - began > stream, within=60
        )
    syncs, seconds = metrics.syncs(node) - before, time.monotonic() - began
    # One may have been under way, and one begins at once.
    most = int(seconds / period) + 2
    recorder.observe("syncs", {"syncs": syncs, "changes": made(), "seconds": round(seconds, 2)})
    change(0)
    check.reaches(client, service.target(), pods[:1])
    said = f"{made()} changes in {seconds:.1f} s took {syncs} syncs"
    if made() < FEWEST:
        require(undecided(f"{said}, which are too few changes to tell"))
    right_is = f"with a minSyncPeriod of {period} s at most {most} are right"
    require(wrong(f"{said}; {right_is}") if syncs > most else right(said))


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
