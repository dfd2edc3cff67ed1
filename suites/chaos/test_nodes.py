"""Nodes that stand still, lose their power or their link, while connections go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.faults import Frozen, PowerCut, Unplugged
from fixtures.history import Span
from fixtures.network_faults import Deaf, LinkDown, Netem
from suites.chaos.judging import Excuses
from suites.terminating import SERVES_ON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node
    from fixtures.faults import Fault
    from fixtures.provide import Clients
    from fixtures.workloads import Workloads
    from suites.chaos.experiment import Experiment
    from suites.chaos.site import Site

NEEDS = ("hand-made-endpoints", "outside-client")
LIFECYCLE = "k/k pkg/controller/nodelifecycle"
NOT_READY_WITHIN = 60.0
RECOVERY = 6.0
"""Seconds from the API's word that a node is gone to the last connection to its pods."""


def cut_off(site: Site, fault: Fault, *, flows_break: bool = False) -> None:
    """Have the victim reach nobody while endpoints change, and judge."""
    with site.nemesis.during(fault) as span:
        site.until_seen(site.swap(on=site.other), {site.other.name})
        site.until_seen(site.swap(on=site.other), {site.other.name})
    deaf = site.experiment.allow(span.and_backoff())
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[deaf], excused=[span], flows_excused=[span] if flows_break else [])


@case(
    "CHA-020",
    feature="node freeze",
    profile="chaos",
    min_nodes=2,
    requires=(*NEEDS, "node-freeze"),
    reference=LIFECYCLE,
    disruptive=True,
)
def test_node_stands_still(site: Site) -> None:
    """A node that stood still loses no connection, and has all changes soon after it goes on."""
    cut_off(site, Frozen(site.victim.name))


@case(
    "CHA-021",
    feature="partition",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-partition"),
    reference=LIFECYCLE,
    disruptive=True,
)
def test_node_unplugged(site: Site) -> None:
    """A node whose link was cut loses no connection, and has all changes soon after it is back."""
    cut_off(site, Unplugged(site.victim.name))


@case(
    "CHA-022",
    feature="partition",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access"),
    reference=LIFECYCLE,
    disruptive=True,
)
def test_node_hears_nobody(site: Site) -> None:
    """A node that only nobody reaches loses no connection, and has all changes afterwards."""
    cut_off(site, Deaf(site.victim.name))


@case(
    "CHA-023",
    feature="partition",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access", "netem"),
    reference=LIFECYCLE,
    disruptive=True,
)
def test_nobody_hears_node(site: Site) -> None:
    """A node that reaches nobody, but hears all, loses no connection and has all changes later."""
    cut_off(site, Netem(site.victim.name, "loss 100%"))


@case(
    "CHA-024",
    feature="partition",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access"),
    reference="net/netfilter/nf_nat_masquerade.c masq_device_event; k/k#138183",
    disruptive=True,
)
def test_link_down_and_up(site: Site) -> None:
    """A node whose interface went down and up serves as before, and has all changes then.

    With the interface go the open connections that were masqueraded with its address.
    """
    cut_off(site, LinkDown(site.victim.name), flows_break=True)


@case(
    "CHA-025",
    feature="packet loss",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access", "netem"),
    reference="tc-netem(8); net/netfilter/nf_conntrack_core.c",
    disruptive=True,
)
def test_bad_link(site: Site) -> None:
    """Behind a link that delays, loses, doubles and reorders, packets reach the right pods only."""
    how = "delay 20ms 10ms loss 3% duplicate 2% reorder 20% 50%"
    with site.nemesis.during(Netem(site.victim.name, how)) as bad:
        for _ in range(3):
            site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[bad], excused=[bad])


@case(
    "CHA-026",
    feature="node power",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=("outside-client", "node-power", "proxy-restart"),
    reference=f"{LIFECYCLE}; KEP-1672",
    disruptive=True,
)
def test_power_cut(
    experiment: Experiment, workloads: Workloads, clients: Clients, nodes: Sequence[Node]
) -> None:
    """A node that loses its power is avoided once the API says so, and serves when it has booted.

    Until then connections to its pods fail, since kube-proxy checks no endpoint by itself.
    """
    other, victim = nodes[0], nodes[1]
    pods = workloads.pods(4, on=[other, victim], extra_args=SERVES_ON)
    service = workloads.service(type="NodePort")
    experiment.load("pod", clients.pod(other), service.target(), other)
    experiment.load("outside", clients.outside(), service.node_target(other), other)
    experiment.load("by the victim", clients.outside(), service.node_target(victim), victim)
    experiment.until_served()
    experiment.set_bound(RECOVERY)
    with experiment.nemesis.during(PowerCut(victim.name)) as cut:
        listed = Span(f"endpoints on {victim.name} are listed", "outage", cut.start)
        experiment.history.add(listed)
        experiment.until.testbed(
            f"the API takes the endpoints on {victim.name} away",
            lambda: (
                not any(
                    entry["conditions"]["ready"]
                    for entry in service.endpoints()
                    if entry["nodeName"] == victim.name
                )
            ),
            within=NOT_READY_WITHIN,
        )
        listed.end = experiment.now()
        experiment.go_on(RECOVERY + 2)
    workloads.until_running(pods)
    clients.until_running()
    experiment.until_all_reach(pods)
    experiment.go_on(3)
    experiment.judge(
        {pod.identity for pod in pods}, Excuses(excused=[listed], near={victim.name: [cut]})
    )
