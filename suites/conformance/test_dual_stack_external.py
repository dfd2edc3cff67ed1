"""ExternalIPs and VIPs of both families on one Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.load_balancing import load_balancer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.addresses import Addresses
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check


@case(
    "DS-003",
    feature=("dual-stack", "LoadBalancer", "ExternalIP"),
    level="extended",
    min_nodes=2,
    reference="k/k pkg/proxy/serviceport.go, newBaseServiceInfo",
)
def test_external_addresses_of_both_families(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    addresses: Addresses,
) -> None:
    """ExternalIPs and VIPs of both families work side by side, each in its own family."""
    pods = workloads.pods(2, on=nodes[:2])
    service = load_balancer(
        workloads, ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"]
    )
    first, second, third = (addresses.take() for _ in range(3))
    for external, vips in ((first, second), (third, first)):
        service.update(externalIPs=list(external.values()))
        service.set_load_balancer(*vips.values())
        for place in (*external.values(), *vips.values()):
            for client in (clients.pod(nodes[0]), clients.node(nodes[1])):
                check.reaches(client, service.at(place), pods)
    for place in second.values():
        check.silent(clients.pod(nodes[0]), service.at(place))
