"""Services of both families; these cases take both, whatever family the run is about."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, get_args

from clusters.protocol import Family
from fixtures.case import case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

DUAL = "KEP-563; k/k test/e2e/network/dual_stack.go"
FAMILIES: tuple[Family, ...] = get_args(Family)
BOTH: dict[str, Any] = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}
TCP = [{"name": "tcp", "port": 8080, "protocol": "TCP"}]


@case(
    "DS-001",
    feature="dual-stack",
    level="extended",
    min_nodes=2,
    requires=("hand-made-endpoints",),
    reference=DUAL,
)
def test_each_family_has_its_own_endpoints(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """The VIP of each family reaches the endpoints of that family, and none of the other's."""
    pods = workloads.pods(3, on=nodes[:2])
    service = workloads.service(
        app=None, ports=[{"name": "tcp", "protocol": "TCP", "port": 80}], **BOTH
    )
    # The second time each family has what the other had, at last one has none.
    for behind in (
        {"ipv4": pods[:2], "ipv6": pods[2:]},
        {"ipv4": pods[2:], "ipv6": pods[:2]},
        {"ipv4": pods[:2], "ipv6": []},
    ):
        for family in FAMILIES:
            entries = [{"addresses": [pod.addresses[family]]} for pod in behind[family]]
            service.in_family(family).set_endpoints(entries, ports=TCP, suffix=family)
        for family, client in product(FAMILIES, (clients.pod(nodes[0]), clients.node(nodes[1]))):
            target = service.in_family(family).target()
            if behind[family]:
                check.reaches(client, target, behind[family])
            else:
                check.refuses(client, target)


@case(
    "DS-002",
    feature=("dual-stack", "NodePort"),
    level="extended",
    min_nodes=2,
    requires=("outside-client",),
    reference=DUAL,
)
def test_second_family_goes_and_comes(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """A Service reduced to one family is silent on the other, also its NodePort, until it is back.

    The family that stays never fails meanwhile.
    """
    pods = workloads.pods(2, on=nodes[:2])
    prefer = {**BOTH, "ipFamilyPolicy": "PreferDualStack"}
    service = workloads.service(type="NodePort", **prefer)
    inside, outside = clients.pod(nodes[0]), clients.outside()
    first, second = (service.in_family(family) for family in FAMILIES)
    gone = [(inside, second.target()), (outside, second.node_target(nodes[1]))]
    kept = [(inside, first.target()), (outside, first.node_target(nodes[1]))]
    for client, target in kept + gone:
        check.reaches(client, target, pods)
    with check.meanwhile(*kept[0]), check.meanwhile(*kept[1]):
        service.update(ipFamilyPolicy="SingleStack")
        for client, target in gone:
            check.silent(client, target)
        service.update(**prefer)
        second = service.in_family(FAMILIES[1])
        check.reaches(inside, second.target(), pods)
        check.reaches(outside, second.node_target(nodes[1]), pods)
    for client, target in kept:
        check.reaches(client, target, pods)
