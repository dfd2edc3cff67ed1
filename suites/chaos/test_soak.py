"""The same churn again and again: what grows, leaks."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.churn import flip_affinity
from fixtures.commands import must
from fixtures.kernel_state import STALE
from fixtures.usage import PID
from suites.oracles.growth import FEWEST, Room, growth
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.protocol import Node
    from fixtures.kernel_state import KernelState
    from fixtures.session import RunSession
    from fixtures.workloads import Workloads
    from suites.chaos.site import Site

SECONDS = 30.0
SWAPS = 4
ROOMS = {
    "kernel entries": Room(),
    "file descriptors": Room(amount=8),
    "megabytes": Room(share=0.3, amount=15),
}
"""A Go heap is as large as its last peak (GOGC 100), so memory moves by a part of itself."""


def entries(state: KernelState, node: Node) -> int:
    """Return how many entries kube-proxy has in the kernel: rules, elements, servers, addresses."""
    if node.spec.mode == "nftables":
        tables = [t for name, t in state.nft(node).items() if name.endswith(" kube-proxy")]
        return sum(sum(table.sizes().values()) for table in tables)
    count = sum(
        len(rules)
        for family in ("ipv4", "ipv6")
        for chains in state.iptables(node, family).values()
        for name, rules in chains.items()
        if name.startswith("KUBE-")
    )
    if node.spec.mode == "ipvs":
        count += sum(map(len, state.ipsets(node).values())) + len(state.ipvs(node))
        count += len(state.bound(node) or ())
    return count


@case(
    "CHA-060",
    feature=("churn", "growth"),
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=("hand-made-endpoints", "outside-client", "node-access"),
    reference="k/k#95981",
    disruptive=True,
)
def test_nothing_grows(
    site: Site,
    workloads: Workloads,
    kernel_state: KernelState,
    run_session: RunSession,
    observe: Callable[[str, object], None],
) -> None:
    """Services and endpoints that come and go leave nothing behind, in the kernel or kube-proxy."""
    node = site.victim
    sweep = _sweep(workloads) if node.spec.mode == "nftables" else None

    def sample() -> dict[str, float]:
        workloads.until_settled("kube-proxy is done with the round")
        if sweep:
            sweep()
        pid = must(site.experiment.cluster, node, [*PID]).strip()
        status = must(site.experiment.cluster, node, ["cat", f"/proc/{pid}/status"])
        opened = must(site.experiment.cluster, node, ["ls", f"/proc/{pid}/fd"])
        return {
            "kernel entries": entries(kernel_state, node),
            "file descriptors": len(opened.split()),
            "megabytes": int(status.partition("VmRSS:")[2].split()[0]) / 1024,
        }

    until = time.monotonic() + (run_session.options.chaos.soak or SECONDS)
    samples: list[dict[str, float]] = []
    while time.monotonic() < until or len(samples) <= FEWEST:
        extra = [workloads.service(f"extra-{len(samples)}-{number}") for number in range(3)]
        for _ in range(SWAPS):
            site.until_seen(site.swap())
        for service in extra:
            service.delete()
        samples.append(sample())
    for name in ROOMS:
        observe(name, [round(one[name], 1) for one in samples])
    site.judge()
    require(growth(samples, ROOMS))


def _sweep(workloads: Workloads) -> Callable[[], None]:
    """Return what brings about a sync that deletes the chains of a round, and adds none.

    How many of them are left without it is a matter of how fast the round's syncs came after one
    another. A Service without endpoints has no chain: it is an element of a map.
    """
    other, numbers = workloads.service("sweep", app="nobody"), itertools.count()

    def sweep() -> None:
        time.sleep(STALE)
        flip_affinity(other, next(numbers))
        workloads.until_settled("kube-proxy has deleted the chains of the round")

    return sweep
