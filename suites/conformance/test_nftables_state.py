"""What nftables mode keeps in its table, and that a change of it is one step."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.churn import flip_affinity, repeating
from fixtures.kernel_state import NFT_FAMILY, STALE
from suites.judges import unbroken
from suites.oracles.leftovers import back_to, none_left
from suites.oracles.verdict import all_of, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.provide import Clients
    from fixtures.services import Service
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.verdict import Judgement

PROXIER = "k/k pkg/proxy/nftables/proxier.go syncProxyRules"
PROBES = 2000

KIND = "chain or set"


@case(
    "NFT-001",
    feature="nftables",
    level="extended",
    modes=("nftables",),
    requires=("node-access",),
    reference=PROXIER,
    disruptive=True,
)
def test_table_shrinks_again(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    check: Check,
    family: Family,
    address: Callable[[], str],
) -> None:
    """Sets and elements of deleted Services go at once, their chains a change and a second later.

    Chains are emptied first, since kernels before 6.2 still see references to them, and deleted by
    the next sync if that comes a second after the last one at least (staleChains, whose times each
    sync renews). So while syncs come faster, which a minSyncPeriod below 1 s allows, none goes.
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    other = workloads.service("other", app="nobody")
    check.refuses(client, other.target())

    def elements() -> dict[str, int]:
        return kernel_state.nft(node)[f"{NFT_FAMILY[family]} kube-proxy"].sets

    base = elements()
    for service in _of_every_kind(workloads, address):
        check.reaches(client, service.target(), pods, every_pod=False)
    assert any(workloads.namespace in name for name in elements()), "no set for the affinity"
    for service in workloads.services[1:]:
        service.delete()
    numbers = itertools.count()

    def gone() -> Judgement:
        # A change that makes no chain: a Service without endpoints is an element of a map.
        flip_affinity(other, next(numbers))
        table = kernel_state.nft(node)[f"{NFT_FAMILY[family]} kube-proxy"]
        left = [name for name in (*table.chains, *table.sets) if workloads.namespace in name]
        counted = back_to(f"the table on {node.name}", table.sets, base)
        return all_of(none_left(node.name, {KIND: left}), counted)

    within = check.timeouts.programmed
    check.until("the table is as before", gone, within=within, every=STALE, consecutive=1)
    check.refuses(client, other.target())


def _of_every_kind(workloads: Workloads, address: Callable[[], str]) -> list[Service]:
    kept = workloads.service("kept", type="NodePort", sessionAffinity="ClientIP")
    local = workloads.service("local", type="NodePort", externalTrafficPolicy="Local")
    balanced = workloads.service(
        "balanced",
        type="LoadBalancer",
        loadBalancerSourceRanges=["203.0.113.0/24", "2001:db8::/32"],
    )
    balanced.set_load_balancer(address())
    return [kept, local, balanced]


@case(
    "NFT-002",
    feature="atomicity",
    level="extended",
    modes=("nftables", "iptables"),
    reference=PROXIER,
)
def test_no_gap_in_a_change(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """Not one of thousands of connections fails while their Service and others change all the time.

    A transaction of nftables, and a table of iptables-restore, is replaced in one step.
    """
    pods = workloads.pods(3, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service()
    target, other = service.target(), workloads.service("other")
    check.reaches(client, target, pods)

    def change(number: int) -> None:
        odd = number % 2
        service.update(sessionAffinity=("None", "ClientIP")[odd])
        service.update(type=("ClusterIP", "NodePort")[odd])
        other.update(type=("NodePort", "ClusterIP")[odd])

    running = client.start(target, count=PROBES, concurrency=2, timeout=check.timeouts.answer)
    with repeating(change) as changes:
        attempts = running.wait()
    assert changes() > 2, f"there were only {changes()} changes meanwhile"
    require(unbroken(attempts, f"to {target} during {changes()} rounds of changes"))
    service.update(sessionAffinity="None", type="ClusterIP")
    check.reaches(client, target, pods)
