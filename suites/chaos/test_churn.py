"""Endpoints that come and go while connections go on: figures, and nobody who fails."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.churn import nobodies, repeating
from fixtures.faults import ProxyKilled
from fixtures.history import Span
from fixtures.slices import Slices, endpoint, endpoints
from suites.chaos.judging import Excuses
from suites.chaos.loads import recent
from suites.chaos.members import Members
from suites.programmed import set_ready
from suites.terminating import SERVES_ON, end, terminate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.chaos.experiment import Experiment
    from suites.chaos.site import Site

NEEDS = ("hand-made-endpoints", "outside-client")
TRACKER = "k/k pkg/proxy/endpointslicecache.go"
CHANGES = 40
BURST = 60
WIDE = 250
STAYING = 5
"""Endpoints of which clients hold three at most, so that two may always go."""


@case(
    "CHA-040",
    feature="churn",
    profile="chaos",
    min_nodes=2,
    requires=NEEDS,
    reference=f"{TRACKER}; k/k pkg/proxy/endpointschangetracker.go",
    disruptive=True,
)
def test_steady_churn(site: Site) -> None:
    """Five changes of endpoints a second fail no connection, and each is in force in time."""
    with repeating(lambda _: site.swap(), every=0.2) as changes:
        site.experiment.until.testbed(
            f"{CHANGES} changes are made", lambda: changes() >= CHANGES, within=120
        )
    site.until_seen(site.swap())
    site.leave_udp_flow()
    site.judge()


@case(
    "CHA-041",
    feature="churn",
    profile="chaos",
    min_nodes=2,
    requires=NEEDS,
    reference="k/k pkg/proxy/runner/bounded_frequency_runner.go",
    disruptive=True,
)
def test_burst(site: Site) -> None:
    """Bursts of changes, as fast as the API takes them, end with what was written last."""
    chance = random.Random(7)  # noqa: S311 - the same changes in every run
    for _ in range(2):
        for _ in range(BURST // 2):
            # One is left that the swap puts in.
            site.members.set(chance.sample(site.pods, chance.randint(1, len(site.pods) - 1)))
        site.until_seen(site.swap())
        # Whoever keeps what was written before shows it only while nothing else is written.
        site.experiment.go_on(site.experiment.bound + 2)
    site.judge()


@case(
    "CHA-042",
    feature=("churn", "terminating"),
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=("outside-client",),
    reference="KEP-1669; k/k test/e2e/network/loadbalancer.go, rolling update",
    disruptive=True,
)
def test_rolling_update(
    experiment: Experiment, workloads: Workloads, clients: Clients, nodes: Sequence[Node]
) -> None:
    """A rolling update of pods that serve on while they terminate fails nothing near any node."""
    other, victim = nodes[0], nodes[1]
    pods = workloads.pods(3, on=nodes[:2], extra_args=SERVES_ON)
    service = workloads.service(type="NodePort")
    ever = {pod.identity for pod in pods}
    experiment.load("pod", clients.pod(other), service.target(), other)
    experiment.load("other pod", clients.pod(victim), service.target(), victim)
    experiment.load("outside", clients.outside(), service.node_target(victim), victim)
    experiment.load("UDP", clients.outside(), service.node_target(other, "udp"), other)
    experiment.until_served()
    gone = []
    for number in range(len(pods)):
        new = workloads.pods(1, on=nodes[number % 2], extra_args=SERVES_ON)
        ever |= {pod.identity for pod in new}
        experiment.until_all_reach(new)
        with experiment.history.change(f"-{pods[number].name}") as span:
            terminate(service, [pods[number]])
        experiment.history.joined(pods[number].identity, Span("", "change", span.start, span.start))
        experiment.history.left(pods[number].identity, span)
        gone.append(pods[number])
    experiment.go_on(4)
    end(gone)
    experiment.go_on(1)
    experiment.judge(ever, Excuses())


@case(
    "CHA-043",
    feature="churn",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference=TRACKER,
    disruptive=True,
)
def test_mass_scale(site: Site, workloads: Workloads) -> None:
    """A Service that goes from 0 to 250 endpoints and back again and again disturbs no other."""
    wide = Slices(workloads.service("wide", app=None))
    family = workloads.family
    many = [endpoint(address) for address in nobodies(WIDE, family)]
    for _ in range(3):
        for name, entries in (("one", many[:100]), ("two", many[100:200]), ("three", many[200:])):
            wide.write(name, entries)
        site.until_seen(site.swap())
        for name in ("one", "two", "three"):
            wide.write(name, [])
        site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge()


@case(
    "CHA-044",
    feature="churn",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference="k/k pkg/proxy/iptables/proxier.go, KUBE-SERVICES REJECT; KEP-2448",
    disruptive=True,
)
def test_scale_to_nothing(site: Site) -> None:
    """While a Service has no endpoint all is refused at once, and served again when it has.

    iptables mode refuses in one table and translates in another, which are committed one after the
    other: between the two a router may say that there is no such network.
    """
    empty = []
    for _ in range(3):
        full = list(site.members.now)
        span = Span("no endpoint", "outage", site.experiment.now())
        site.experiment.history.add(span)
        site.members.set([])
        site.experiment.until_refused()
        site.until_back(site.members.set(full))
        span.end = site.experiment.now()
        empty.append(span)
    site.experiment.go_on(2)
    site.judge(excused=empty, ways={"refused", "unreachable"})


@case(
    "CHA-045",
    feature="churn",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference=TRACKER,
    disruptive=True,
)
def test_slices_split_and_merged(site: Site) -> None:
    """Endpoints that move between slices, listed twice meanwhile, fail nothing and cut no flow."""
    slices, now, family = site.members.slices, site.members.now, site.members.family
    for _ in range(2):
        for number, pod in enumerate(now):
            slices.write(f"own-{number}", endpoints([pod], family))
        slices.write("a", [])
        slices.write("a", endpoints(now, family))
        for number in range(len(now)):
            slices.delete(f"own-{number}")
        # What a deletion took away by mistake would come back with the next write, unseen if that
        # came before the sync.
        site.experiment.go_on(site.experiment.bound)
    for _ in range(3):
        # Two of three slices change at the same moment, and no endpoint changes its slice.
        others = [pod for pod in site.pods if pod not in site.members.now]
        site.until_back(site.members.set([now[0], *others], apart=True))
    site.experiment.go_on(2)
    site.judge()


@case(
    "CHA-046",
    feature=("churn", "readiness"),
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=("outside-client",),
    reference="k/k#92019, k/k#108319",
    disruptive=True,
)
def test_flapping_readiness(
    experiment: Experiment, workloads: Workloads, clients: Clients, nodes: Sequence[Node]
) -> None:
    """A pod whose readiness flaps fails no connection, and is used as it was said last."""
    other, victim = nodes[0], nodes[1]
    steady, flaps = workloads.pods(2, on=nodes[:2], gated=True)
    service = workloads.service(type="NodePort")
    for pod in (steady, flaps):
        pod.set_ready(True)
    experiment.load("pod", clients.pod(other), service.target(), other)
    experiment.load("outside", clients.outside(), service.node_target(victim), victim)
    for number in range(1, 4):
        experiment.flow(f"flow {number}", clients.pod(other), service.target(), other)
    experiment.until_served()
    began = experiment.now()
    with repeating(lambda number: flaps.set_ready(bool(number % 2)), every=0.2) as changes:
        experiment.until.testbed("it has flapped", lambda: changes() >= CHANGES, within=120)
    set_ready(service, [flaps], ready=True)
    experiment.until_all_reach([steady, flaps])
    experiment.go_on(2)
    # Whoever flaps returns while it drains, and no stay says when.
    flows = [Span("it flaps", "change", began, experiment.now())]
    cut = Excuses(flows=flows) if victim.spec.mode == "ipvs" else Excuses()
    experiment.judge({steady.identity, flaps.identity}, cut)


@case(
    "CHA-047",
    feature=("churn", "affinity"),
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "proxy-restart"),
    reference="k/k test/e2e/network/service.go, should have session affinity work",
    disruptive=True,
)
def test_affinity_under_churn(
    experiment: Experiment, workloads: Workloads, clients: Clients, nodes: Sequence[Node]
) -> None:
    """Clients of a Service with ClientIP stay where they are while other endpoints come and go."""
    other, victim = nodes[0], nodes[1]
    pods = workloads.pods(STAYING + 1, on=nodes[:2])
    members = Members(workloads, experiment.history, pods[:STAYING], sessionAffinity="ClientIP")
    service, outside = members.service, clients.outside()
    experiment.sticky("pod", clients.pod(other), service.target(), other)
    experiment.sticky("outside", outside, service.node_target(victim), victim)
    experiment.sticky("UDP", outside, service.node_target(victim, "udp"), victim)
    experiment.until_served()
    begun = experiment.now()
    experiment.go_on(1)
    homes = {one.backend for x in experiment.fresh() for one, *_ in recent(x, begun)}

    def swap(number: int) -> None:
        spare = next(pod for pod in pods if pod not in members.now)
        free = [pod for pod in members.now if pod.identity not in homes]
        members.swap(free[number % len(free)], spare)

    for _ in range(2):
        with repeating(swap, every=0.2) as changes:
            experiment.until.testbed(
                f"{CHANGES // 2} changes are made", lambda: changes() >= CHANGES // 2, within=120
            )
        with experiment.nemesis.during(ProxyKilled(victim.name)):
            swap(0)
        experiment.go_on(2)
    experiment.judge(members.ever, Excuses())
