"""IPVS schedulers, connection by connection against models of the kernel's algorithms."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.oracles.sequence import matches_model, shares_within_one, strict_cycle
from suites.oracles.verdict import all_of, require
from suites.refusal import refusal
from suites.schedulers.ipvs import Table, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.waits import Until
    from fixtures.workloads import Pod, Workloads
    from suites.check import Check

SEEN = list["str | None"]


def picks(attempts: Attempts) -> SEEN:
    """Return which pod each connection reached, None where it reached none."""
    return [a.backend if a.outcome == "ok" else None for a in attempts]


@pytest.fixture
def server(
    cluster: Cluster, workloads: Workloads, clients: Clients, check: Check, until: Until
) -> Callable[[Node, int], tuple[Target, Table, list[Pod]]]:
    """Make a Service and wait until a node's kernel has it, without any connection to it."""

    def make(node: Node, count: int) -> tuple[Target, Table, list[Pod]]:
        pods = workloads.pods(count)
        target = workloads.service().target()
        table = Table(cluster, node, target, pods)
        until("in the kernel", lambda: table.has(count), within=check.timeouts.programmed)
        check.until_settled(clients.node(node), target)
        return target, table, pods

    return make


@case(
    "SCH-001",
    feature="rr",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_rr.c ip_vs_rr_schedule",
)
def test_rr_is_exact(
    server: Callable[[Node, int], tuple[Target, Table, list[Pod]]],
    clients: Clients,
    nodes: Sequence[Node],
) -> None:
    """A lone client goes round the endpoints in the kernel's order, each in its turn."""
    target, table, _pods = server(nodes[0], 4)
    scheduler, order = table.read()[0], table.order()
    assert scheduler == "rr", f"the virtual server has scheduler {scheduler!r}, not rr"
    seen = picks(clients.pod(nodes[0]).probe(target, 102))
    shares = shares_within_one(Counter(pick for pick in seen if pick))
    require(all_of(strict_cycle(seen, order), shares))


@case(
    "SCH-002",
    feature="rr",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_ctl.c __ip_vs_update_dest, ip_vs_rr.c",
)
def test_rr_goes_on_after_a_change(
    server: Callable[[Node, int], tuple[Target, Table, list[Pod]]],
    clients: Clients,
    workloads: Workloads,
    nodes: Sequence[Node],
    until: Until,
    check: Check,
) -> None:
    """An endpoint added in mid-cycle waits for its turn; the cycle of the others goes on."""
    target, table, _ = server(nodes[0], 3)
    _change_in_mid_cycle(table, clients.pod(nodes[0]), target, workloads, until, check)


def _change_in_mid_cycle(
    table: Table,
    client: Client,
    target: Target,
    workloads: Workloads,
    until: Until,
    check: Check,
) -> None:
    model = table.model()
    before = picks(client.probe(target, 2))
    require(matches_model(before, table.named([model.connect("", 0) for _ in before])))
    added = workloads.pods(1)[0]
    until("4th in the kernel", lambda: table.has(4), within=check.timeouts.programmed)
    check.until_settled(client, target)
    table.names |= names_of([added])
    model.add(table.read()[1][0].name, 1)
    after = picks(client.probe(target, 12))
    require(matches_model(after, table.named([model.connect("", 0) for _ in after])))


@case(
    "SCH-004",
    feature="scheduler flag",
    profile="schedulers",
    modes=("ipvs",),
    reference="k/k#114878; pkg/proxy/ipvs/supported.go CanUseIPVSProxier",
    disruptive=True,
)
def test_unknown_scheduler_is_refused(
    cluster: Cluster,
    nodes: Sequence[Node],
    workloads: Workloads,
    clients: Clients,
    check: Check,
    observe: Callable[[str, object], None],
) -> None:
    """A scheduler that the kernel lacks ends kube-proxy, which leaves what it had programmed."""
    node, pods = nodes[0], workloads.pods(2)
    target = workloads.service().target()
    check.reaches(clients.pod(node), target, pods)
    before = node.spec
    try:
        bogus = before.with_config({"ipvs": {"scheduler": "bogus"}})
        refused = refusal(lambda: cluster.set_proxy(node, bogus), "scheduler bogus")
        observe("said", str(refused))
        check.reaches(clients.pod(node), target, pods)
    finally:
        cluster.set_proxy(node, before)
    assert refused.kind in {"does-not-start", "mode-not-offered"}, str(refused)
