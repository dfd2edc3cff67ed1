"""SCTP: the third protocol of Services; a kernel may lack it, hence the capability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

NETWORKING = "k/k test/e2e/network/networking.go, Granular Checks: Services, sctp"
PORT = {"name": "sctp", "port": 80, "targetPort": 8080, "protocol": "SCTP"}


@case("SVC-004", feature="SCTP", min_nodes=2, requires=("sctp",), reference=NETWORKING)
def test_cluster_ip(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """Pods and nodes make SCTP associations with the endpoints of a ClusterIP, and only those."""
    serve = [f"sctp:8080:{family}", "tcp:8080"]
    pods = workloads.pods(2, on=nodes[:2], serve=serve)
    service = workloads.service(ports=[PORT])
    # Of one address: associations tell the peer all of theirs, and NAT translates one (RFC 4960).
    both = (clients.pod(nodes[0]), clients.node(nodes[0]))
    for client in both:
        source = client.addresses[family]
        check.reaches(client, service.target("sctp"), pods, source=source)
    pods.pop().delete()
    check.reaches(both[0], service.target("sctp"), pods, source=both[0].addresses[family])
    # The number belongs to SCTP alone until TCP has it, too.
    tcp = {"name": "tcp", "port": 80, "targetPort": 8080, "protocol": "TCP"}
    service.update(ports=[PORT, tcp])
    check.reaches(both[0], service.target("tcp"), pods)
    old = service.target("sctp")
    service.update(ports=[tcp])
    check.silent(both[0], old)
    check.reaches(both[0], service.target("tcp"), pods)


@case("SVC-042", feature=("SCTP", "NodePort"), requires=("sctp",), reference=NETWORKING)
def test_node_port(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """Every node is answered at every node's address over SCTP, until the NodePort is gone."""
    pods = workloads.pods(2, on=nodes[:2], serve=[f"sctp:8080:{family}"])
    service = workloads.service(type="NodePort", ports=[PORT])
    for sender in nodes:
        for node in nodes:
            check.reaches(
                clients.node(sender),
                service.node_target(node, "sctp"),
                pods,
                count=5,
                every_pod=False,
                source=sender.addresses[family],
            )
    opened = service.node_target(nodes[0], "sctp")
    service.update(type="ClusterIP")
    check.silent(clients.node(nodes[-1]), opened)
