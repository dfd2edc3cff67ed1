"""The same objects and the same packets in every mode of kube-proxy, and how answers differ."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.proxy_state import ProxyState
from suites.bench import Bench
from suites.differential import scenes
from suites.differential.judgement import told
from suites.differential.sides import Sides
from suites.differential.sizes import ask_sizes

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

    Play = Callable[[Sequence[Scene]], None]

PROXIERS = "k/k pkg/proxy/{iptables,ipvs,nftables}/proxier.go"
TOPOLOGY = f"k/k pkg/proxy/topology.go; {PROXIERS}"

# A case asks from everywhere as fast as the nodes answer: beside another, silence would be load.
differential = partial(
    case,
    modes=("all",),
    min_nodes=3,
    requires=("outside-client", "outside-route", "hand-made-endpoints"),
    disruptive=True,
)


@pytest.fixture
def sides(
    cluster: Cluster,
    clients: Clients,
    workloads: Workloads,
    entry: Entry,
    addresses: Addresses,
    until: Until,
    timeouts: Timeouts,
) -> Iterator[Sides]:
    """Ask nodes of every mode."""
    bench = Bench(cluster, clients, workloads, entry, addresses, until=until, timeouts=timeouts)
    with bench:
        yield Sides(bench, ProxyState(cluster))


@pytest.fixture
def play(sides: Sides, observe: Callable[[str, object], None]) -> Play:
    """Play scenes; what is documented to differ is shown, any other difference fails."""

    def play_all(played: Sequence[Scene]) -> None:
        for scene in played:
            sides.play(scene)
        observe("questions", sides.asked)
        told(sides.found, observe)

    return play_all


@differential(
    "DIF-001",
    feature=("ClusterIP", "NodePort", "ExternalIP", "LoadBalancer", "reject"),
    reference=PROXIERS,
)
def test_endpoints(play: Play) -> None:
    """All modes answer alike with ready endpoints, with none, and with draining ones."""
    play(scenes.READINESS)


@differential("DIF-002", feature=("ClusterIP", "multiport"), reference=PROXIERS)
def test_ports(play: Play) -> None:
    """All modes follow alike when ports are added, renamed, renumbered or lose their endpoints."""
    play(scenes.PORTS)


@differential("DIF-003", feature="endpoints", reference=TOPOLOGY)
def test_terminating(play: Play) -> None:
    """All modes choose alike between ready and draining endpoints, near and far."""
    play(scenes.CONDITIONS)


@differential("DIF-004", feature="eTP", reference=TOPOLOGY)
def test_external_local(play: Play) -> None:
    """All modes keep externalTrafficPolicy Local alike, with a local endpoint and without."""
    play(scenes.EXTERNAL_LOCAL)


@differential("DIF-005", feature="iTP", reference=TOPOLOGY)
def test_internal_local(play: Play) -> None:
    """All modes keep internalTrafficPolicy Local alike, with a local endpoint and without."""
    play(scenes.INTERNAL_LOCAL)


@differential("DIF-006", feature="topology", reference=TOPOLOGY)
def test_hints(play: Play) -> None:
    """All modes follow hints for zones alike."""
    play(scenes.HINTS)


@differential("DIF-007", feature="affinity", reference=PROXIERS)
def test_affinity(play: Play) -> None:
    """All modes keep a client with its endpoint alike, and let it go when affinity ends."""
    play(scenes.AFFINITY)


@differential("DIF-008", feature="sourceRanges", reference=PROXIERS)
def test_source_ranges(play: Play) -> None:
    """All modes let the same clients use a load balancer that has source ranges."""
    play(scenes.RANGES)


@differential("DIF-009", feature=("NodePort", "LoadBalancer"), reference=PROXIERS)
def test_types(play: Play) -> None:
    """All modes follow a change of type alike, and answer alike at what the Service had before."""
    play(scenes.TYPES)


@differential("DIF-010", feature=("reject", "drop"), reference=PROXIERS)
def test_unused(play: Play) -> None:
    """All modes answer alike at ports and addresses that no Service has."""
    play(scenes.UNUSED)


@differential(
    "DIF-011", feature=("conntrack", "UDP"), reference="k/k pkg/proxy/conntrack/cleanup.go"
)
def test_udp_flows(play: Play) -> None:
    """All modes lead UDP flows alike away from endpoints that have ended, and back."""
    play(scenes.FLOWS)


@differential("DIF-012", feature="data path", reference="k/k test/e2e/network, large requests")
def test_sizes(sides: Sides, observe: Callable[[str, object], None]) -> None:
    """All modes carry payloads of one byte, of a full packet, and of many packets alike."""
    ask_sizes(sides, scenes.READINESS[0])
    observe("questions", sides.asked)
    told(sides.found, observe)
