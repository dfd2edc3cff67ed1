"""The random choice of iptables and nftables mode, judged by statistics with a stated alpha."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from suites.oracles.statistics import independent_of, independent_order, uniform
from suites.oracles.verdict import all_of, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.check import Check

ALPHA = 1e-9
CONNECTIONS = 6900
"""Enough for 1,000 of each parity of the source port at each of three endpoints, come what may."""


@case(
    "SCH-010",
    feature="random choice",
    profile="schedulers",
    modes=("iptables", "nftables"),
    reference="k/k pkg/proxy/iptables/proxier.go computeProbability; nftables numgen random",
)
def test_choice_is_uniform(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    observe: Callable[[str, object], None],
) -> None:
    """Every new connection picks one of the endpoints at random, each equally likely.

    Neither the pick before nor the source port, which a hash would look at, has a part in it.
    """
    pods = workloads.pods(3, on=nodes[0])
    target = workloads.service().target()
    client = clients.pod(nodes[0])
    check.reaches(client, target, pods)
    attempts = client.probe(target, CONNECTIONS)
    counts = attempts.by_backend()
    observe("connections by endpoint", dict(counts))
    shares = uniform({pod.identity: counts[pod.identity] for pod in pods}, alpha=ALPHA / 3)
    order = independent_order(attempts.sequence(), len(pods), alpha=ALPHA / 3)
    by_port = [
        (a.backend, "odd" if a.local_port % 2 else "even")
        for a in attempts
        if a.backend and a.local_port
    ]
    port = independent_of(by_port, "source port", alpha=ALPHA / 3)
    observe("figures", {**shares.figures, **order.figures, **port.figures})
    require(all_of(shares, order, port))
