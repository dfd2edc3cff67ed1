"""Many changes at a time: what is in force in the end, how many syncs it took, what it cost."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.churn import flip_affinity, in_parallel, nobodies, repeating, shuffle_endpoints
from fixtures.services import Service
from fixtures.slices import DEAD, PORTS, Slices, endpoint
from suites.oracles.leftovers import none_left

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.metrics import Metrics
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.verdict import Judgement

SERVICES = 4
WEB = ({"name": "tcp", "port": 80, "targetPort": 8080},)
SECONDS = 2.0
PERIODS: dict[str, float] = {"iptables": 2.0, "nftables": 2.0, "ipvs": 6.0}
"""minSyncPeriods in seconds, longer than several syncs of one change after the other."""

LARGE = 1100
"""Endpoints; from 1,001 on iptables mode looks for stale chains once a syncPeriod only."""

MANY: dict[str, int] = {"nftables": 300, "iptables": 300, "ipvs": 100}
"""Services; IPVS mode syncs all of them at each change."""

ENDPOINTS = 100


@case(
    "IPT-001",
    feature=("endpoints", "batching"),
    level="extended",
    requires=("hand-made-endpoints",),
    reference="k/k#121362, k/k#122204",
)
def test_endpoints_after_churn(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    observe: Callable[[str, object], None],
) -> None:
    """After the endpoints of many Services changed all the time, each node has the last ones."""
    pods = workloads.pods(4, on=nodes)
    services = [workloads.service(f"web-{n}", app=None) for n in range(SERVICES)]
    last, changes = shuffle_endpoints(services, pods, family, seconds=SECONDS, seed=1)
    observe("changes", changes)
    for node in nodes:
        for service in services:
            check.reaches(clients.pod(node), service.target(), last[service.name], count=1)


@case(
    "IPT-002",
    feature=("endpoints", "scale"),
    level="extended",
    modes=("iptables",),
    requires=("hand-made-endpoints", "node-access", "proxy-restart"),
    reference="k/k pkg/proxy/iptables/proxier.go largeClusterMode",
    disruptive=True,
)
def test_large_cluster(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
    family: Family,
) -> None:
    """Of over 1,000 endpoints a removed one gets nothing any more, and its chain goes in time.

    Such rules carry no comments, and stale chains stay until a sync after syncPeriod.
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    proxies.set_periods([node], sync="1s")
    slices, service = Slices(workloads.service("large", app=None), PORTS[:1]), workloads.service()
    for number in range(0, LARGE, 100):
        addresses = nobodies(100, family, first=number)
        slices.write(f"s{number}", [endpoint(address) for address in addresses])
    check.reaches(client, service.target(), pods)
    check.until_settled(client, service.target())
    removed = pods.pop()
    removed.delete()
    check.reaches(client, service.target(), pods)
    target = f"{removed.addresses[family]}"

    def gone() -> Judgement:
        service.update(sessionAffinity="ClientIP")
        service.update(sessionAffinity="None")
        nat = kernel_state.iptables(node, family)["nat"]
        left = [chain for chain, rules in nat.items() for rule in rules if target in rule]
        return none_left(node.name, {"chain": left})

    check.until("its chains are gone", gone, within=check.timeouts.programmed, every=0.5)
    check.reaches(client, service.target(), pods)


@case(
    "IPT-003",
    feature="batching",
    level="extended",
    requires=("node-access", "proxy-restart"),
    reference="k/k pkg/proxy/runner/bounded_frequency_runner.go",
    disruptive=True,
)
def test_changes_are_batched(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    metrics: Metrics,
    check: Check,
    observe: Callable[[str, object], None],
) -> None:
    """There is one sync in a minSyncPeriod at most, and the last change is in force after that."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    changing = workloads.service("changing")
    period = PERIODS[node.spec.mode]
    proxies.set_periods([node], min_sync=f"{period:.0f}s")
    check.reaches(client, changing.target(), pods)
    before, began = metrics.syncs(node), time.monotonic()
    with repeating(partial(flip_affinity, changing)) as made:
        check.until(
            "20 changes are made, in two periods",
            lambda: made() >= 20 and time.monotonic() - began > 2 * period,
            within=check.timeouts.programmed + 2 * period,
        )
        last = workloads.service("last")
        check.reaches(client, last.target(), pods)
    seconds, syncs = time.monotonic() - began, metrics.syncs(node) - before
    observe("syncs", {"syncs": syncs, "changes": made(), "seconds": round(seconds, 2)})
    # One may have been under way, and one begins at once.
    most = int(seconds / period) + 2
    told = f"{syncs} syncs in {seconds:.1f} s"
    assert syncs <= most, f"{told}; with a minSyncPeriod of {period:.0f} s at most {most} are right"


@case(
    "RES-001",
    feature="resources",
    level="extended",
    requires=("hand-made-endpoints", "node-access", "proxy-restart"),
    reference="k/k#128928, k/k#129982",
    disruptive=True,
)
def test_memory_is_given_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    metrics: Metrics,
    check: Check,
    mode: str,
    family: Family,
    observe: Callable[[str, object], None],
) -> None:
    """Memory and goroutines do not grow with Services and slices that come and go."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    canary = workloads.service()
    proxies.configure([node], {"enableProfiling": True})
    # Endpoints that are not used cost memory but no rules.
    entries = [endpoint(address, "", **DEAD) for address in nobodies(ENDPOINTS, family)]
    made = [
        workloads.service(f"many-{number}", app=None, ports=WEB) for number in range(MANY[mode])
    ]
    made.append(workloads.service("last", ports=WEB))

    def come_and_go() -> tuple[int, int]:
        in_parallel(lambda service: Slices(service, PORTS[:1]).write("a", entries), made[:-1])
        check.reaches(client, made[-1].target(), pods)
        in_parallel(lambda service: Slices(service).delete("a"), made[:-1])
        in_parallel(Service.delete, made)
        check.silent(client, made[-1].target())
        check.until_settled(client, made[-1].target())
        in_use = metrics.heap(node), metrics.goroutines(node)
        in_parallel(Service.recreate, made)
        return in_use

    heaps, goroutines = zip(*(come_and_go() for _ in range(3)), strict=True)
    observe("bytes in use after each round", heaps)
    observe("goroutines after each round", goroutines)
    assert heaps[-1] < heaps[0] * 1.2, f"the heap grew from {heaps[0]:,} to {heaps[-1]:,} bytes"
    more = f"there are {goroutines[-1]} goroutines, {goroutines[0]} before"
    assert goroutines[-1] <= goroutines[0] + MANY[mode] / 4, more
    assert not metrics.failures(node), f"syncs failed on {node.name}: {metrics.failures(node)}"
    check.reaches(client, canary.target(), pods)
