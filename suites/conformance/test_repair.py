"""Other programs on the node: rules that they delete, and rules of theirs that must stay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.node_rules import (
    FOREIGN_NETWORK,
    lose_all,
    plant,
    plant_server,
    planted,
)
from suites.oracles.leftovers import unchanged
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check

NEEDS = ("node-access", "proxy-restart")
SHORT = "1s"
"""A syncPeriod; the default of 30 s is only longer."""


@case(
    "LIFE-006",
    feature="repair",
    modes=("iptables", "ipvs"),
    requires=NEEDS,
    reference="k/k test/e2e/network/networking.go, recreate its iptables rules",
    disruptive=True,
)
def test_lost_rules_come_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
    family: Family,
) -> None:
    """Rules that somebody deleted are back after syncPeriod, though nothing else changes."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    proxies.set_periods([node], sync=SHORT)
    check.reaches(client, service.target(), pods)
    check.until_settled(client, service.target())
    for _ in range(2):
        lose_all(kernel_state, node, family)
        check.reaches(client, service.target(), pods)
        check.reaches(clients.node(nodes[-1]), service.node_target(node), pods)


@case(
    "NFT-003",
    feature="repair",
    level="extended",
    modes=("nftables",),
    requires=NEEDS,
    reference="k/k pkg/proxy/nftables/proxier.go syncProxyRules",
    disruptive=True,
)
def test_lost_table_comes_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
    family: Family,
    observe: Callable[[str, object], None],
) -> None:
    """A table that somebody deleted is whole again syncPeriod after the next change of a Service.

    Nobody watches the table, so nothing comes back by itself, but for the full sync of each hour
    (FullSyncPeriod). The next change's partial sync fails for want of the table, and the full one
    that follows that is syncPeriod later (30 s unless configured). A change that concerns one
    family brings back that family's table only.
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    service = workloads.service(type="NodePort")
    proxies.set_periods([node], sync=SHORT)
    check.reaches(client, service.target(), pods)
    check.until_settled(client, service.target())
    for name in ("next", "after-next"):
        lose_all(kernel_state, node, family)
        began = time.monotonic()
        other = workloads.service(name)
        check.reaches(client, other.target(), pods)
        observe("seconds from the change to the repair", round(time.monotonic() - began, 2))
        check.reaches(client, service.target(), pods)
        check.reaches(clients.node(nodes[-1]), service.node_target(node), pods)


@case(
    "LIFE-007",
    feature="coexistence",
    level="extended",
    requires=NEEDS,
    reference="k/k pkg/proxy/ipvs/proxier.go cleanLegacyService",
    disruptive=True,
)
def test_foreign_rules_stay(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    foreign_rules: None,
    check: Check,
) -> None:
    """Rules, sets, tables and excluded virtual servers of others stay as they are."""
    del foreign_rules
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    if node.spec.mode == "ipvs":
        proxies.configure([node], {"ipvs": {"excludeCIDRs": [FOREIGN_NETWORK]}})
        plant_server(kernel_state, node)
    plant(kernel_state, node)
    before = planted(kernel_state, node)
    service = workloads.service(type="NodePort")
    check.reaches(client, service.target(), pods)
    service.delete()
    check.silent(client, service.target())
    require(unchanged(node.name, before, planted(kernel_state, node)))
    proxies.restart(node)
    later = workloads.service("later", type="NodePort")
    check.reaches(client, later.target(), pods)
    check.reaches(clients.node(nodes[-1]), later.node_target(node), pods)
    require(unchanged(node.name, before, planted(kernel_state, node)))


@case(
    "LIFE-008",
    feature="coexistence",
    level="extended",
    modes=("nftables",),
    requires=NEEDS,
    reference="k/k#136786",
    disruptive=True,
)
def test_foreign_table(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    foreign_rules: None,
    check: Check,
) -> None:
    """A table of somebody else's, with sets of every kind, does not keep Services from changing."""
    del foreign_rules
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    service = workloads.service()
    check.reaches(client, service.target(), pods)
    plant(kernel_state, node)
    before = planted(kernel_state, node)
    service.update(sessionAffinity="ClientIP")
    pods += workloads.pods(1, on=node)
    later = workloads.service("later")
    check.reaches(client, later.target(), pods)
    service.delete()
    check.silent(client, service.target())
    require(unchanged(node.name, before, planted(kernel_state, node)))
