"""Endpoints that leave while they have connections: IPVS keeps them, with weight 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.open_flows import held_by
from suites.oracles.verdict import Judgement, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

GRACEFUL = "k/k pkg/proxy/ipvs/graceful_termination.go"

LOOKED_AT = 60.0
"""Seconds between two looks at the destinations that are to go: rsCheckDeleteInterval."""

RESET_KEPT = 10.0
"""Seconds that IPVS keeps a connection after its RST: IP_VS_TCP_S_CLOSE in ip_vs_proto_tcp.c."""


@case(
    "IPVS-005",
    feature=("ipvs", "terminating"),
    level="extended",
    modes=("ipvs",),
    requires=("node-access",),
    reference=f"{GRACEFUL}; k/k#81775, k/k#93297",
)
def test_weight_zero(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    check: Check,
    family: Family,
) -> None:
    """An unready endpoint keeps its open connections and gets no new one, until it is ready again.

    Neither does a client reach it that comes again from a source port of before, for as long as
    expire_nodest_conn is set (ip_vs_in_hook in net/netfilter/ipvs/ip_vs_core.c). A server that has
    destinations of weight 0 only refuses, as one without any does, by ICMP port unreachable
    (ip_vs_leave).
    """
    pods = stays, leaves = workloads.pods(2, on=nodes[:2], gated=True)
    node, client, service = nodes[0], clients.pod(nodes[0]), workloads.service()
    target = service.target()
    for pod in pods:
        pod.set_ready(True)
    check.reaches(client, target, pods)
    ports = client.source_ports.keep(20)
    with client.hold(target, 20, timeout=check.timeouts.answer) as held:
        client.probe(target, 20, source_ports=ports, timeout=check.timeouts.answer)
        leaves.set_ready(False)
        check.reaches(client, target, [stays], source_ports=ports, every_pod=False, count=20)
        weights = kernel_state.weights(node, target, family)
        assert weights == {stays.addresses[family]: 1, leaves.addresses[family]: 0}, weights
        stays.set_ready(False)
        check.refuses(client, target)
        require(held_by(held.opened, held.check()))
        for pod in pods:
            pod.set_ready(True)
        check.reaches(client, target, pods)
        weights = kernel_state.weights(node, target, family)
        assert set(weights.values()) == {1}, weights


@case(
    "IPVS-007",
    feature=("ipvs", "terminating"),
    level="extended",
    modes=("ipvs",),
    requires=("node-access",),
    reference=GRACEFUL,
)
def test_destination_goes_with_its_connections(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    check: Check,
    family: Family,
) -> None:
    """A removed endpoint leaves IPVS within two looks after its last connection, and not before."""
    stays, leaves = workloads.pods(2, on=nodes[:2], gated=True)
    node, client, target = nodes[0], clients.pod(nodes[0]), workloads.service().target()
    for pod in (stays, leaves):
        pod.set_ready(True)
    check.reaches(client, target, [stays, leaves])
    address = leaves.addresses[family]

    def gone() -> Judgement:
        weights = kernel_state.weights(node, target, family)
        return Judgement(address not in weights, f"{target} has {weights} on {node.name}")

    with client.hold(target, 20, timeout=check.timeouts.answer) as held:
        leaves.set_ready(False)
        check.reaches(client, target, [stays])
        assert not gone().ok, f"{leaves.name} is gone while connections to it are open"
        require(held_by(held.opened, held.check()))
    within = RESET_KEPT + LOOKED_AT + check.timeouts.programmed
    check.until(f"{leaves.name} has left IPVS", gone, within=within, every=1.0)
    check.reaches(client, target, [stays])
