"""Is the build slower, or dearer, than a baseline? Both at once on two nodes of one cluster."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.churn import flip_affinity
from fixtures.metrics import SYNCS
from fixtures.tool_calls import Calls, tool_calls
from fixtures.usage import usage
from suites.load.pacing import Pacing
from suites.load.versus import BY_PAIR, LIMITS, Crossover, Versus, crossover, spared, trustworthy
from suites.oracles.ratio import Ratio, differs, gate
from suites.oracles.verdict import Judgement, all_of, listing, require, right, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.load.generator import LoadGenerator
    from fixtures.metrics import Metrics
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.session import RunSession
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check

NEEDS = ("load-generator", "node-access", "outside-client", "outside-route", "proxy-restart")
WARM_UP = 2
"""Changes before those that are measured: a kube-proxy that has just started has more to do."""
COUNTED = ("a new Service", "another endpoint", "session affinity", "a Service that goes")
"""Changes whose tools are counted, as `Versus.count` makes them."""

UNITS = {"CPU": "CPU-seconds a change", "sync time": "seconds a sync", "memory": "bytes"}

SUM = SYNCS.replace("_count", "_sum")


@pytest.fixture
def versus(
    run_session: RunSession,
    nodes: Sequence[Node],
    proxies: Proxies,
    workloads: Workloads,
    entry: Entry,
    check: Check,
    family: Family,
    outside_generator: LoadGenerator,
    kernel_state: KernelState,
) -> Iterator[Versus]:
    """Both builds on two nodes."""
    baseline = run_session.baseline
    if baseline is None:
        pytest.skip("there is no baseline: --kp-baseline")
    made = Versus(
        baseline.path,
        nodes,
        proxies,
        workloads,
        entry,
        check,
        family,
        outside_generator,
        kernel_state,
    )
    try:
        made.set_up()
        yield made
    finally:
        made.end()


@case(
    "LOAD-008",
    feature=("load", "latency", "baseline"),
    profile="load",
    level="extended",
    requires=NEEDS,
    min_nodes=2,
    reference="kubernetes/community sig-scalability/slos/first_packet_latency.md",
    disruptive=True,
)
def test_latency_against_baseline(versus: Versus, observe: Callable[[str, object], None]) -> None:
    """A new connection through the build takes at most 10% longer than through the baseline."""
    runs = versus.load("250x2")
    judgements = [trustworthy(runs)]
    for metric in ("connect p50", "connect p90"):
        kind, _, percent = metric.partition(" p")
        crossing = crossover(runs, "service", kind, float(percent))
        floor = crossover(runs, "past", kind, float(percent))
        measured, past = crossing.ratio(floor), floor.ratio()
        show(observe, metric, measured, past)
        observe(f"{metric}{BY_PAIR}", crossing.chart("connect time, \u00b5s", 1e-3, floor))
        judgements.append(gate(measured, LIMITS[metric], f"{metric} against the baseline"))
        judgements.append(spared(past, LIMITS[metric], metric))
    require(all_of(*judgements))


@case(
    "LOAD-009",
    feature=("resources", "sync", "baseline"),
    profile="load",
    level="extended",
    requires=NEEDS,
    min_nodes=2,
    reference="kubernetes/community sig-scalability/slos/network_programming_latency.md",
    disruptive=True,
)
def test_cost_against_baseline(
    versus: Versus, cluster: Cluster, metrics: Metrics, observe: Callable[[str, object], None]
) -> None:
    """The same changes cost the build at most 10% more CPU than the baseline.

    Sync time and memory may be a quarter more.
    """
    found = {name: Crossover() for name in ("CPU", "sync time", "memory")}
    pacing = Pacing()

    def measure() -> None:
        for number in range(WARM_UP):
            flip_affinity(versus.services[0], number)
            versus.workloads.until_settled("all nodes have synced")
        before = [figures(cluster, metrics, node) for node in versus.nodes]
        changes = pacing.changes(
            [was["sync time"] / was["syncs"] for was in before],
            [node.spec.min_sync for node in versus.nodes],
            lambda number: flip_affinity(versus.services[0], number),
        )
        after = [figures(cluster, metrics, node) for node in versus.nodes]
        both = list(zip(before, after, strict=True))
        pacing.synced(changes, [now["syncs"] - was["syncs"] for was, now in both])
        for name, crossing in found.items():
            one, other = (spent(name, was, now, changes) for was, now in both)
            crossing.phases.append((one, other))

    versus.phases(measure)
    judgements = [pacing.judge()]
    for name, crossing in found.items():
        measured = crossing.ratio()
        show(observe, name, measured, None)
        observe(f"{name}{BY_PAIR}", crossing.chart(UNITS[name]))
        judgements.append(gate(measured, LIMITS[name], f"{name} against the baseline"))
    require(all_of(*judgements))


@case(
    "LOAD-012",
    feature=("resources", "sync", "baseline"),
    profile="load",
    level="extended",
    requires=(*NEEDS, "hand-made-endpoints", "tool-calls"),
    min_nodes=2,
    reference="k/k#114181, k/k#139513",
    disruptive=True,
)
def test_counts_against_baseline(
    versus: Versus, cluster: Cluster, proxies: Proxies, recorder: Recorder
) -> None:
    """The same changes start no more tools than the baseline does, and write no more lines.

    Both builds make them on the same node, one after the other, so the counts are exact.
    """
    node = versus.nodes[0]
    proxies.set_periods(versus.nodes, sync="1h")
    found: list[list[Calls]] = []
    for which in (0, 1):
        versus.swap(which)
        with tool_calls(cluster, node) as calls:
            found.append([versus.count(calls, kind) for kind in COUNTED])
    rows = [
        {"change": kind, "build": str(own), "baseline": str(theirs)}
        for kind, own, theirs in zip(COUNTED, *found, strict=True)
    ]
    recorder.observe("for one change", rows)
    require(all_of(*(no_more(*row) for row in zip(COUNTED, *found, strict=True))))


def no_more(kind: str, own: Calls, theirs: Calls) -> Judgement:
    """Judge that a build starts no tool oftener than the baseline, nor writes more lines."""
    more = [
        f"{count} {tool} instead of {theirs.tools[tool]}"
        for tool, count in sorted(own.tools.items())
        if count > theirs.tools[tool]
    ]
    if own.lines > theirs.lines:
        more.append(f"{own.lines} lines written instead of {theirs.lines}")
    if more:
        return wrong(f"{kind} took {listing(more, 'and')}")
    return right(f"{kind} took {own}, the baseline {theirs}")


def figures(cluster: Cluster, metrics: Metrics, node: Node) -> dict[str, float]:
    """Return what a node's kube-proxy has used until now."""
    used, samples = usage(cluster, node), metrics.samples(node)
    return {
        "CPU": used.cpu,
        "sync time": math.fsum(samples.get(SUM, {}).values()),
        "syncs": math.fsum(samples.get(SYNCS, {}).values()),
        "memory": float(used.resident),
    }


def spent(name: str, before: dict[str, float], after: dict[str, float], changes: int) -> float:
    """Return what a change took; memory is what is held after all of them."""
    if name == "memory":
        return after["memory"]
    if name == "CPU":
        return (after["CPU"] - before["CPU"]) / changes
    syncs = after["syncs"] - before["syncs"]
    return (after[name] - before[name]) / syncs if syncs else 0.0


def show(
    observe: Callable[[str, object], None], name: str, measured: Ratio | None, floor: Ratio | None
) -> None:
    """Put a figure into the report, and a warning where it is surely not the baseline's."""
    row = {"against the baseline": str(measured or "too little was seen")}
    if floor is not None:
        row["past kube-proxy (noise)"] = str(floor)
    if measured is not None:
        row["differs"] = "yes" if differs(measured) else "not surely"
    observe(name, row)
