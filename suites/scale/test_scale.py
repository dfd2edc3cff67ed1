"""A node of each mode in one cluster, and more and more Services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.bulk import Bulk, every_address
from fixtures.case import case
from fixtures.clients import Target
from fixtures.proxy_state import ProxyState
from suites.oracles import article
from suites.oracles.statistics import uniform
from suites.oracles.verdict import Judgement, require, right, wrong
from suites.scale import tables
from suites.scale.growth import Growth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kube import Kube
    from fixtures.metrics import Metrics
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.session import RunSession
    from fixtures.surroundings import Entry
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads

ENDPOINTS = 4
PICKS = 400
ALPHA = 1e-6


@case(
    "SCALE-001",
    feature=("scale", "latency", "sync"),
    profile="scale",
    level="extended",
    modes=("all",),
    requires=("hand-made-endpoints", "node-access", "outside-route", "proxy-restart", "tool-calls"),
    min_nodes=3,
    reference="KEP-3866; kubernetes/community sig-scalability/configs-and-limits/thresholds.md",
    disruptive=True,
)
def test_growth(
    cluster: Cluster,
    kube: Kube,
    workloads: Workloads,
    nodes: Sequence[Node],
    entry: Entry,
    proxies: Proxies,
    metrics: Metrics,
    until: Until,
    timeouts: Timeouts,
    family: Family,
    run_session: RunSession,
    recorder: Recorder,
) -> None:
    """However many Services there are, each answers in every mode; what they cost is measured.

    Beside it, claim by claim, what is said of the modes.
    """
    sizes = run_session.options.scale
    if not sizes:
        pytest.skip("how many Services is not said: --kp-scale, or tox -e scale")
    # A sync of its own accord would write iptables mode's rules in another order.
    proxies.set_periods(nodes, sync="1h")
    pods = [workloads.pods(1, on=node)[0] for node in nodes]
    bulk = Bulk(kube, workloads.namespace, family, cluster.direct)
    within = timeouts.programmed
    growth = Growth(cluster, bulk, entry, proxies, metrics, ProxyState(cluster), until, within)
    with every_address(cluster, nodes, pods, family):
        for size in sizes:
            growth.grow(size)
            show(growth, recorder.observe)
        spread = {node.spec.mode: even(growth, node) for node in nodes}
        growth.end()
    rows = tables.claims(growth.results, {m: (j.ok, j.sentence) for m, j in spread.items()})
    recorder.observe("the article, row by row", [row.plain() for row in rows])
    for name, (value, unit) in tables.followed(growth.results).items():
        recorder.figure(name, value, unit)
    require(decided(rows))


def show(growth: Growth, observe: Callable[[str, object], None]) -> None:
    """Put what was measured so far into the report."""
    observe("by Services and mode", tables.table(growth.results))
    rates = {f"{n:,} Services": round(w.rate) for n, w in growth.written.items() if w.objects}
    observe("objects written a second", rates)
    if len(growth.results) > 1:
        observe("MiB for a thousand Services more", tables.per_thousand(growth.results))
        for title, picture in tables.pictures(growth.results).items():
            observe(title, picture)
    if len(growth.results) > 2:
        observe("growth exponents", tables.exponents(growth.results))


def even(growth: Growth, node: Node) -> Judgement:
    """Judge how a node spreads connections over four endpoints of one Service."""
    bulk, number = growth.bulk, 0
    addresses = [bulk.address(200 + index) for index in range(ENDPOINTS)]
    growth.bulk.spread(number, addresses)
    target = Target(bulk.vips[number], 80)
    client = growth.entry.by(node, target.host, growth.nodes.index(node))

    def all_answer() -> bool:
        seen = set(client.probe(target, 8 * ENDPOINTS, timeout=2.0).server_ip)
        return seen == set(addresses)

    growth.until("every endpoint is used", all_answer, within=growth.within)
    seen = client.probe(target, PICKS, timeout=2.0).server_ip
    counts = {address: seen.count(address) for address in addresses}
    if node.spec.mode != "ipvs":
        return uniform(counts, alpha=ALPHA)
    # Round robin is exact, but for a destination that was chosen for somebody else in between.
    off = max(counts.values()) - min(counts.values())
    sentence = f"round robin gave {', '.join(map(str, counts.values()))}"
    return right(sentence) if off <= 2 else wrong(sentence)


def decided(rows: Sequence[article.Row]) -> Judgement:
    """Judge that every claim was measured: whether it holds is no merit or fault of the build."""
    missing = [row.claim for row in rows if row.figures == "not measured"]
    if missing:
        return wrong(f"not measured: {', '.join(missing)}")
    held = sum(row.verdict.startswith(article.HOLDS) for row in rows)
    return right(f"{held} of {len(rows)} claims hold here")
