"""UDP flows: they leave an endpoint that is gone, and nothing else moves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.judges import same_backends
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.clients import Client, Target
    from fixtures.provide import Clients
    from fixtures.workloads import Pod, Workloads
    from suites.check import Check

CONNTRACK = "k/k test/e2e/network/conntrack.go"


def replaced(
    workloads: Workloads, client: Client, target: Target, nodes: Sequence[Node], check: Check
) -> tuple[Pod, tuple[int, int]]:
    """Judge that a UDP flow follows when its only pod is replaced; return that and its ports."""
    old, flow = workloads.pods(1, on=nodes[0]), client.source_ports.keep()
    # A flow that is older than its address in the node's rules would be another case, CT-005.
    check.reaches(client, target, old, count=1)
    check.reaches(client, target, old, count=20, source_ports=flow)
    new = workloads.pods(1, on=nodes[1], gated=True)
    # The old pod lives on, so that it would be seen to answer; it is no endpoint any more.
    workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
    new[0].set_ready(True)
    check.reaches(client, target, new, count=20, source_ports=flow)
    return new[0], flow


@case("CT-001", feature="conntrack", min_nodes=2, reference=f"{CONNTRACK}, ClusterIP")
def test_udp_flow_follows_the_pod(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A UDP flow to a ClusterIP moves when the pod behind it is replaced."""
    target = workloads.service().target("udp")
    new, flow = replaced(workloads, clients.pod(nodes[0]), target, nodes, check)
    newest = workloads.pods(1, on=nodes[0])
    new.delete()
    check.reaches(clients.pod(nodes[0]), target, newest, count=20, source_ports=flow)


@case(
    "CT-002",
    feature=("conntrack", "NodePort"),
    min_nodes=2,
    requires=("outside-client",),
    reference=f"{CONNTRACK}, NodePort",
)
def test_udp_flow_through_node_port(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A UDP flow from outside to a NodePort moves when the pod behind it is replaced."""
    target = workloads.service(type="NodePort").node_target(nodes[0], "udp")
    replaced(workloads, clients.outside(), target, nodes, check)


@case(
    "CT-008",
    feature="conntrack",
    level="extended",
    min_nodes=2,
    reference="k/k pkg/proxy/conntrack/cleanup.go",
)
def test_unrelated_udp_flows_stay(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """UDP flows keep their endpoints while another Service loses, gains and is deleted."""
    pods = workloads.pods(3, on=nodes)
    kept = workloads.service("kept")
    client = clients.pod(nodes[0])
    check.reaches(client, kept.target("udp"), pods)
    others = workloads.pods(2, on=nodes[:2], app="other")
    other = workloads.service("other", app="other")
    check.reaches(client, other.target("udp"), others)
    # By chance, flows that were all forgotten would all come back in one of 3^20 cases.
    with client.hold(kept.target("udp"), 20, timeout=check.timeouts.answer) as held:
        others.pop().delete()
        check.reaches(client, other.target("udp"), others)
        require(same_backends(held.opened, held.check()))
        others += workloads.pods(1, on=nodes[1], app="other")
        check.reaches(client, other.target("udp"), others)
        require(same_backends(held.opened, held.check()))
        other.delete()
        check.silent(client, other.target("udp"))
        require(same_backends(held.opened, held.check()))
