"""Modes: what is left when kube-proxy goes, from mode to mode, and modes side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from clusters.protocol import MODES
from fixtures.case import case
from fixtures.node_rules import FORGOTTEN, left_behind
from suites.oracles.leftovers import none_left
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Mode, Node
    from fixtures.kernel_state import KernelState
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check

NEEDS = ("node-access", "proxy-restart", "every-mode")
CLEANUP = "k/k cmd/kube-proxy/app/server_linux.go platformCleanup"


def others(mode: Mode) -> tuple[Mode, Mode]:
    """Return the two other modes, in the order of a round trip."""
    at = MODES.index(mode)
    return MODES[(at + 1) % 3], MODES[(at + 2) % 3]


@case(
    "LIFE-009",
    feature="cleanup",
    level="extended",
    requires=(*NEEDS, "outside-client"),
    reference=CLEANUP,
    disruptive=True,
)
def test_cleanup_leaves_nothing(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
    address: Callable[[], str],
) -> None:
    """kube-proxy --cleanup leaves no rule, set, table, address or virtual server, then succeeds.

    The first says so with its status in nftables and iptables mode only. After IPVS mode it ends
    with 1 although it has removed everything: the clean-up of iptables mode comes first, and may
    not delete KUBE-MARK-MASQ and KUBE-PROXY-FIREWALL while chains of IPVS mode use them (1.37).
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    service = workloads.service(
        type="NodePort", sessionAffinity="ClientIP", externalIPs=[address()]
    )
    check.reaches(client, service.target(), pods, every_pod=False)
    with proxies.down(node):
        found = left_behind(kernel_state, node)
        assert found[node.spec.mode], f"{node.name} has no rules of {node.spec.mode} to clean up"
        done = proxies.clean_up(node)
        require(none_left(node.name, left_behind(kernel_state, node), but={FORGOTTEN}))
        if node.spec.mode == "ipvs":
            done = proxies.clean_up(node)
        assert done.status == 0, f"--cleanup ends with status {done.status}: {done.stderr}"
        check.silent(client, service.target())
        check.silent(clients.outside(), service.node_target(node))
    check.reaches(client, service.target(), pods, every_pod=False)


@case(
    "LIFE-010",
    feature="mode switch",
    level="extended",
    requires=NEEDS,
    reference=CLEANUP,
    disruptive=True,
)
@pytest.mark.parametrize("further", [0, 1], ids=["next mode", "other mode"])
def test_to_a_mode_and_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    patient_check: Check,
    mode: Mode,
    further: int,
) -> None:
    """Changed to another mode and back, Services work, and only what is documented is left."""
    node, pods = nodes[0], workloads.pods(2, on=nodes[:2])
    client, service, spec = clients.pod(node), workloads.service(type="NodePort"), node.spec
    for goal in (others(mode)[further], mode):
        old = node.spec.mode
        # Between iptables and IPVS nothing tidies up but --cleanup (platformCleanup, KEP-3866).
        proxies.use(node, replace(spec, mode=goal), clean="nftables" not in {old, goal})
        new = workloads.service(f"{goal}-new")
        patient_check.reaches(client, new.target(), pods)
        from_afar, opened = clients.node(nodes[-1]), service.node_target(node)
        patient_check.reaches(from_afar, opened, pods, every_pod=False, count=10)
        left = left_behind(kernel_state, node)
        # IPVS mode uses chains of iptables.
        uses = {"ipvs": {"ipvs", "iptables"}}.get(goal, {goal}) | {FORGOTTEN}
        require(none_left(f"{node.name}, which went from {old} to {goal},", left, but=uses))
    service.delete()
    patient_check.silent(client, service.target())


@case(
    "LIFE-011",
    feature="mode switch",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "outside-client"),
    reference="KEP-3866",
    disruptive=True,
)
def test_modes_side_by_side(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    patient_check: Check,
    check: Check,
    mode: Mode,
) -> None:
    """Nodes of different modes serve the same Services, from every client to every node."""
    pods, service = workloads.pods(2, on=nodes[:2]), workloads.service(type="NodePort")
    foreign = {node.name: goal for node, goal in zip(nodes[1:], others(mode), strict=False)}
    proxies.use_all({n.name: replace(n.spec, mode=foreign[n.name]) for n in nodes[1:3]})
    for client in map(clients.pod, nodes):
        patient_check.reaches(client, service.target(), pods)
    for client in (*map(clients.pod, nodes), *map(clients.node, nodes), clients.outside()):
        for node in nodes:
            check.reaches(client, service.node_target(node), pods, every_pod=False, count=10)
    pods.pop().delete()
    for client in map(clients.pod, nodes):
        patient_check.reaches(client, service.target("udp"), pods)
    service.delete()
    for client in map(clients.pod, nodes):
        patient_check.silent(client, service.target())
