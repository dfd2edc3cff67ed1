"""IPVS schedulers, connection by connection against models of the kernel's algorithms."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from clusters.errors import BuildError
from fixtures.case import case
from suites.oracles.sequence import matches_model, one_backend, shares_within_one, strict_cycle
from suites.oracles.verdict import all_of, require
from suites.schedulers.ipvs import Table, scheduling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.waits import Until
    from fixtures.workloads import Pod, Workloads
    from suites.check import Check

SEEN = list["str | None"]


@pytest.fixture(scope="module", params=["wrr", "lc", "sh"])
def scheduler_node(
    request: pytest.FixtureRequest, cluster: Cluster, nodes: Sequence[Node]
) -> Iterator[Node]:
    """A node whose kube-proxy is configured with the scheduler of the parameter."""
    with scheduling(cluster, nodes[-1], request.param) as node:
        yield node


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
    table.names |= {f"{address}:8080": added.identity for address in added.addresses.values()}
    model.add(table.read()[1][0].name, 1)
    after = picks(client.probe(target, 12))
    require(matches_model(after, table.named([model.connect("", 0) for _ in after])))


@case(
    "SCH-003",
    feature=("wrr", "lc", "sh"),
    profile="schedulers",
    modes=("ipvs",),
    reference="k/k pkg/proxy/ipvs/proxier.go syncService",
    disruptive=True,
)
def test_scheduler_is_the_configured_one(
    server: Callable[[Node, int], tuple[Target, Table, list[Pod]]],
    scheduler_node: Node,
    clients: Clients,
    workloads: Workloads,
    until: Until,
    check: Check,
    family: Family,
) -> None:
    """Connections go exactly where the kernel's algorithm of the configured name sends them."""
    name = scheduler_node.spec.scheduler
    target, table, pods = server(scheduler_node, 3)
    assert table.read()[0] == name, f"the kernel schedules by {table.read()[0]!r}, not {name!r}"
    client = clients.pod(scheduler_node)
    if name == "wrr":
        _change_in_mid_cycle(table, client, target, workloads, until, check)
    elif name == "lc":
        _least_connection(client, target, pods)
    else:
        _source_hashing(table, target, workloads, scheduler_node, family)


def _least_connection(client: Client, target: Target, pods: Sequence[Pod]) -> None:
    """Held connections are spread evenly; one held by itself keeps short ones away from its pod."""
    with client.hold(target, 1) as held:
        busy = held.opened.backend[0]
        short = picks(client.probe(target, 40))
        assert busy not in short, (
            f"{short.count(busy)} of 40 short connections went to {busy}, which already had a "
            "connection; least connection avoids it"
        )
    with client.hold(target, 4 * len(pods)) as held:
        counts = Counter(pick for pick in picks(held.opened) if pick)
    # The short connections above are still counted as inactive, 1 each against 256 for an open
    # one, so they can move a tie but not make a difference of two.
    require(shares_within_one({pod.identity: counts[pod.identity] for pod in pods}))


def _source_hashing(
    table: Table, target: Target, workloads: Workloads, node: Node, family: Family
) -> None:
    """Each client address has one endpoint, the one that the kernel's hash of it points at."""
    model = table.model()
    for pod in workloads.pods(6, on=node, app="hashed", serve=()):
        address = pod.client.addresses[family]
        seen = picks(pod.client.probe(target, 12))
        predicted = table.named([model.connect(address, 0) for _ in seen])
        require(all_of(one_backend(seen), matches_model(seen, predicted, model="source hashing")))


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
        with pytest.raises(BuildError) as refused:
            cluster.set_proxy(node, before.with_config({"ipvs": {"scheduler": "bogus"}}))
        observe("said", str(refused.value))
        check.reaches(clients.pod(node), target, pods)
    finally:
        cluster.set_proxy(node, before)
    assert refused.value.kind in {"does-not-start", "mode-not-offered"}, str(refused.value)
