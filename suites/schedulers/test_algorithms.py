"""Every IPVS scheduler that the kernel has, connection by connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.oracles.forecasts import follows_chances
from suites.oracles.schedulers import SCHEDULERS
from suites.oracles.schedulers.choices import TwoChoices
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.fingerprint import RANDOM, fingerprint, is_served_by
from suites.oracles.verdict import all_of, require
from suites.schedulers.experiment import JUDGED, TRACED, Experiment
from suites.schedulers.rounds import in_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.protocol import Cluster
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.workloads import Workloads
    from suites.schedulers.rounds import Rounds
    from suites.schedulers.site import Site

ALPHA = 1e-9

EXACT = pytest.mark.parametrize("algorithm", sorted(SCHEDULERS))
ALL = pytest.mark.parametrize("algorithm", [*sorted(SCHEDULERS), "twos"])


@pytest.fixture(scope="module")
def rounds(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    clients: Clients,
    make_workloads: Callable[[str], Workloads],
) -> Iterator[Rounds[Site]]:
    """The experiment, for all schedulers that the chosen cases ask for."""
    chosen = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [spec.params["algorithm"] for spec in chosen if spec and "algorithm" in spec.params]
    wanted = list(dict.fromkeys(asked))
    with in_rounds(
        cluster,
        wanted,
        lambda: make_workloads("schedulers"),
        lambda workloads: Experiment(workloads, clients),
    ) as rounds:
        yield rounds


@pytest.fixture
def site(rounds: Rounds[Site], algorithm: str, recorder: Recorder) -> Site:
    """A node that ran with the scheduler, and what was seen there."""
    if not rounds.known[algorithm]:
        pytest.skip(f"the nodes' kernel has no scheduler {algorithm} (CONFIG_IP_VS_*)")
    site = rounds.site(algorithm)
    for server in site.servers.values():
        for probe, attempts in server.attempts:
            recorder.attempts(probe, attempts)
    return site


@case(
    "SCH-003",
    feature="IPVS schedulers",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_*.c; k/k pkg/proxy/ipvs/proxier.go syncService",
    disruptive=True,
)
@EXACT
def test_connections_go_where_the_kernel_sends_them(site: Site, algorithm: str) -> None:
    """Connections go exactly where the kernel's algorithm of the configured name sends them.

    Short ones, held ones, short ones beside a held one, and UDP flows, at the ClusterIP and by
    NodePort, whose virtual server is one of its own; by the model of the
    algorithm, from the order in which the kernel has the endpoints. Refused connections are the
    algorithm's where the model refuses: ovf has no room, and hashes find a draining endpoint.
    """
    found = set(site.scheduled.values())
    assert found == {algorithm}, f"the kernel schedules by {', '.join(found)}, not {algorithm}"
    require(all_of(*(site.judge(name, 0) for name in JUDGED)))


@case(
    "SCH-005",
    feature="IPVS schedulers",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_ctl.c __ip_vs_update_dest; ip_vs_*.c add_dest",
    disruptive=True,
)
@EXACT
def test_they_do_after_an_endpoint_came(site: Site, algorithm: str) -> None:  # noqa: ARG001
    """After an endpoint was added, connections go where the algorithm goes on from its state."""
    require(all_of(*(site.judge(name, 1) for name in JUDGED)))


@case(
    "SCH-006",
    feature="IPVS schedulers",
    profile="schedulers",
    modes=("ipvs",),
    reference="k/k pkg/proxy/ipvs/graceful_termination.go; k/k#121590, k/k#138688",
    disruptive=True,
)
@EXACT
def test_they_do_while_an_endpoint_drains(site: Site, algorithm: str) -> None:  # noqa: ARG001
    """An endpoint that goes gets nothing new; dh, sh and mh refuse those whom they sent to it.

    kube-proxy sets no fallback, so that a hash of a client or a server that points at a draining
    endpoint finds nobody until it is deleted: documented behaviour, by the model.
    """
    require(all_of(*(site.judge(name, 2) for name in JUDGED)))


@case(
    "SCH-007",
    feature="IPVS schedulers",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_*.c; k/k pkg/proxy/ipvs/proxier.go syncService",
    disruptive=True,
)
@ALL
def test_traffic_tells_the_algorithm(
    site: Site, algorithm: str, observe: Callable[[str, object], None]
) -> None:
    """Traffic alone, with nothing read from the node, shows the configured algorithm and no other.

    lc and wlc, and sed and nq, cannot be told apart through kube-proxy's weights of 0 and 1. twos
    picks at random: no exact algorithm explains it, and SCH-008 judges its chances.
    """
    seen = fingerprint(site.traced(TRACED))
    observe("served by", seen.name)
    if algorithm == "twos":
        assert seen.name == RANDOM, f"connections went where {seen.name} sends them, not twos"
        return
    require(is_served_by(algorithm, seen))


@case(
    "SCH-008",
    feature="IPVS schedulers",
    profile="schedulers",
    modes=("ipvs",),
    reference="net/netfilter/ipvs/ip_vs_twos.c",
    disruptive=True,
)
@pytest.mark.parametrize("algorithm", ["twos"])
def test_twos_prefers_the_less_loaded(
    site: Site, algorithm: str, observe: Callable[[str, object], None]
) -> None:
    """Twos picks two at random and takes the less loaded one, at the chances of each moment."""
    del algorithm
    server = site.servers["many"]
    model = TwoChoices([Destination(name) for name in server.order])
    picks, chances = [], []
    for pick in server.seen():
        assert pick in model.order, f"a connection went to {pick}, which is no endpoint"
        chances.append(model.chances())
        picks.append(pick)
        model.arrived(pick)
    judgement = follows_chances(picks, chances, alpha=ALPHA)
    observe("figures", judgement.figures)
    require(judgement)
