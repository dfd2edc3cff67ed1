"""Source ranges between two changes: whoever was let in stays in, sync after sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.known_bugs import ONE_ADDRESS
from suites.load_balancing import load_balancer, only_from
from suites.oracles.verdict import Judgement, require, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.workloads import Workloads
    from suites.check import Check

SYNCS = 10
RATE = 100.0
"""Datagrams a second, each a flow of its own, to each of the two Services."""

BY_CHANCE = 2
"""Datagrams that a busy machine may lose; what is looked for loses some at every sync."""


@case(
    "LB-017",
    feature=("sourceRanges", "sync"),
    level="extended",
    requires=("outside-client", "outside-route"),
    reference="k/k pkg/proxy/ipvs/ipset.go syncIPSetEntries",
    known_bug=ONE_ADDRESS,
    disruptive=True,
)
def test_a_range_of_one_address_lasts(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    address: Callable[[], str],
    entry: Entry,
) -> None:
    """Who is in a range of one address is served during syncs, as is who is in a larger one."""
    pods, node = workloads.pods(2, on=nodes[0]), nodes[0]
    vips = {"one address": address(), "several": address()}
    for vip in vips.values():
        outside = entry.by(node, vip)
    only = outside.addresses[family]
    ranges = {"one address": only_from(only, one=True), "several": only_from(only)}
    running = {}
    for name, vip in vips.items():
        service = load_balancer(workloads, vip, name=name.replace(" ", "-"), **ranges[name])
        check.reaches(outside, service.at(vip, "udp"), pods)
        check.until_settled(outside, service.at(vip, "udp"))
        running[name] = outside.start(service.at(vip, "udp"), rate=RATE, timeout=1.0, concurrency=8)
    for number in range(SYNCS):
        other = workloads.service(f"other-{number}")
        check.reaches(clients.pod(node), other.target(), pods)
    seen = {name: each.stop() for name, each in running.items()}
    require(lasting(seen["one address"], seen["several"]))


def lasting(alone: Attempts, several: Attempts) -> Judgement:
    """Judge what was sent by who is in a range alone, beside what the same sent in a larger one."""
    lost, beside = (attempts.outcomes()["timeout"] for attempts in (alone, several))
    said = f"{lost} of {len(alone)} datagrams got no answer, and {beside} of {len(several)} beside"
    if lost <= BY_CHANCE:
        return right(said)
    if beside > BY_CHANCE:
        return undecided(f"{said}: the testbed loses them, too")
    return wrong(f"{said}: who is in a range of one address is shut out at syncs")
