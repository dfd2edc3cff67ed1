"""The same objects and the same packets in every mode of kube-proxy, and how answers differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.proxy_state import ProxyState
from suites.bench import Bench
from suites.differential import scenes
from suites.differential.sides import Sides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster
    from fixtures.addresses import Addresses
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.differential.scenes import Scene
    from suites.oracles.differences import Difference

OUTSIDE = ("outside-client", "outside-route")
PROXIERS = "k/k pkg/proxy/{iptables,ipvs,nftables}/proxier.go"


@pytest.fixture
def sides(
    cluster: Cluster,
    clients: Clients,
    workloads: Workloads,
    entry: Entry,
    addresses: Addresses,
    until: Until,
    timeouts: Timeouts,
    observe: Callable[[str, object], None],
) -> Iterator[Sides]:
    """Ask nodes of every mode; what is documented to differ is shown, anything else fails."""
    bench = Bench(cluster, clients, workloads, entry, addresses, until=until, timeouts=timeouts)
    with bench:
        asking = Sides(bench, ProxyState(cluster))
        yield asking
        observe("questions", asking.asked)


def judge(sides: Sides, observe: Callable[[str, object], None], played: Sequence[Scene]) -> None:
    """Play scenes and fail for what differs and is documented nowhere."""
    for scene in played:
        sides.play(scene)
    told(sides.found, observe)


def told(found: Sequence[Difference], observe: Callable[[str, object], None]) -> None:
    """Show documented differences and fail for the others."""
    known = [one for one in found if one.reasons]
    wrong = [str(one) for one in found if not one.reasons]
    rows: dict[str, dict[str, object]] = {}
    for one in known:
        for entry in one.reasons:
            row = rows.setdefault(
                entry.what,
                {"documented": entry.what, "mode": entry.mode, "source": entry.source, "seen": 0},
            )
            row["seen"] = int(str(row["seen"])) + 1
    if rows:
        observe("documented differences", list(rows.values()))
    observe("differences", wrong[:200])
    assert not wrong, f"{wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "")


@case(
    "DIF-001",
    feature=("ClusterIP", "NodePort", "ExternalIP", "LoadBalancer"),
    modes=("all",),
    min_nodes=3,
    requires=OUTSIDE,
    reference=PROXIERS,
)
@pytest.mark.parametrize(
    "name",
    [
        "READINESS",
        "CONDITIONS",
        "PORTS",
        "EXTERNAL_LOCAL",
        "INTERNAL_LOCAL",
        "HINTS",
        "AFFINITY",
        "RANGES",
        "TYPES",
        "UNUSED",
        "FLOWS",
    ],
)
def test_endpoints(sides: Sides, observe: Callable[[str, object], None], name: str) -> None:
    """All modes answer alike whether there are endpoints, none, or only draining ones."""
    judge(sides, observe, getattr(scenes, name))
