"""NodePorts while the node's interfaces change, as they do whenever a pod comes or goes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.commands import must
from fixtures.known_bugs import NODE_PORTS_VANISH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

MANY = 10_000
"""Addresses by which a list of all is longer than what the kernel gives at once (32 KiB,
netlink_dump in net/netlink/af_netlink.c), so that a change can come in between."""

CHANGES = 150
SYNCS = 4

PATIENCE = 300
"""Seconds to give a node all of them: whoever listens for addresses is told of each."""

FIRST = "kp-many"
ANY_TYPE = "type veth peer name"
"""One that every kernel with pods has; many have no dummy."""

IN_BACKGROUND = "f=$(mktemp); cat >$f; (ip -batch $f; rm $f) >/dev/null 2>&1 &"


@contextmanager
def many_addresses_of_its_own(cluster: Cluster, node: Node) -> Iterator[None]:
    """Have a node with many addresses, of the link's own scope, which kube-proxy leaves alone."""
    lines = [f"link add {FIRST} {ANY_TYPE} {FIRST}-1", f"link set {FIRST} up"]
    lines += [f"addr add fe80::{n:x}/64 dev {FIRST} nodad" for n in range(1, MANY + 1)]
    try:
        must(cluster, node, ["ip", "-batch", "-"], stdin="\n".join(lines), timeout=PATIENCE)
        yield
    finally:
        cluster.run(node, ["ip", "link", "del", FIRST])


def interfaces_come_and_go(cluster: Cluster, node: Node) -> None:
    """Begin to make and delete an interface for about two seconds."""
    changes = [f"link add kp-short {ANY_TYPE} kp-short-1", "link del kp-short"] * CHANGES
    must(cluster, node, ["sh", "-c", IN_BACKGROUND], stdin="\n".join(changes))


@case(
    "NP-014",
    feature="NodePort",
    level="extended",
    requires=("node-access", "outside-client"),
    reference="k/k#129146",
    known_bug=NODE_PORTS_VANISH,
    disruptive=True,
)
def test_interfaces_come_and_go(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    cluster: Cluster,
) -> None:
    """A NodePort stays open through syncs during which interfaces of the node come and go."""
    node, outside = nodes[0], clients.outside()
    pods = workloads.pods(2, on=nodes[:1])
    service = workloads.service(type="NodePort")
    target = service.node_target(node)
    check.reaches(outside, target, pods)
    with many_addresses_of_its_own(cluster, node), check.meanwhile(outside, target):
        for number in range(SYNCS):
            interfaces_come_and_go(cluster, node)
            other = workloads.service(f"other-{number}")
            check.reaches(clients.pod(node), other.target(), pods)
