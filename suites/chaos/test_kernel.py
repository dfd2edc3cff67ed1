"""A node whose kernel, clock or processes fail it, while connections go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.node_faults import (
    ClockStepped,
    ConntrackFull,
    CpuBusy,
    FewFiles,
    MemoryShort,
)
from fixtures.rule_faults import RulesLost

if TYPE_CHECKING:
    from fixtures.proxies import Proxies
    from suites.chaos.site import Site

NEEDS = ("hand-made-endpoints", "outside-client", "node-access")
SHORT = "2s"
"""A syncPeriod, after which kube-proxy tries again what failed; the default of 30 s is longer."""


@case(
    "CHA-030",
    feature="conntrack table full",
    profile="chaos",
    min_nodes=2,
    requires=(*NEEDS, "own-kernel"),
    reference="net/netfilter/nf_conntrack_core.c __nf_conntrack_alloc",
    disruptive=True,
)
def test_conntrack_full(site: Site) -> None:
    """With the conntrack table full open connections go on, and new ones as soon as it has room."""
    with site.nemesis.during(ConntrackFull(site.victim.name)) as full:
        site.until_seen(site.swap(on=site.other), {site.other.name})
        site.experiment.go_on(2)
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[full], excused=[full])


@case(
    "CHA-031",
    feature="repair",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "proxy-restart"),
    reference="k/k#129128, k/k#133767; k/k pkg/util/iptables/iptables.go Monitor",
    disruptive=True,
)
def test_rules_lost(proxies: Proxies, site_later: Site) -> None:
    """Rules that somebody deletes under load are back after syncPeriod and the next change."""
    site = site_later
    proxies.set_periods([site.victim], sync=SHORT)
    # IPVS mode has its servers back before the rules that masquerade. A UDP flow that meets it in
    # between keeps its own source for as long as it goes on, and is answered past the node.
    site.begin(udp_flow=site.victim.spec.mode != "ipvs")
    with site.nemesis.during(RulesLost(site.victim.name, site.victim.spec.mode)) as lost:
        site.swap()
        site.experiment.until_served()
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    # IPVS keeps its connections with its servers, and forgets those of a server that is deleted.
    site.judge(deaf=[lost], excused_near=[lost], flows_excused=[lost])


@case(
    "CHA-032",
    feature="clock",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "own-kernel"),
    reference="k/k pkg/proxy/healthcheck/proxy_health.go",
    disruptive=True,
)
def test_clock_stepped(site: Site) -> None:
    """A node whose clock is stepped an hour ahead and back fails nothing and misses no change."""
    for seconds in (3600, -3600):
        with site.nemesis.during(ClockStepped(site.victim.name, seconds)):
            site.until_seen(site.swap())
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge()


@case(
    "CHA-033",
    feature="file descriptors",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "proxy-restart"),
    reference="k/k pkg/proxy/runner/bounded_frequency_runner.go RetryAfter",
    disruptive=True,
)
def test_no_file_left(proxies: Proxies, site_later: Site) -> None:
    """A kube-proxy that could open no file for a while fails nothing, and catches up by itself."""
    site = site_later
    proxies.set_periods([site.victim], sync=SHORT)
    site.begin()
    with site.nemesis.during(FewFiles(site.victim.name)) as few:
        site.until_seen(site.swap(), {site.other.name})
        site.until_seen(site.swap(), {site.other.name})
    site.until_seen(site.joined_by)
    site.experiment.go_on(2)
    site.judge(deaf=[few])


@case(
    "CHA-034",
    feature="starvation",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference="k/k pkg/proxy/runner/bounded_frequency_runner.go",
    disruptive=True,
)
def test_processor_taken(site: Site) -> None:
    """A kube-proxy that hardly gets any processor time misses no change in the end."""
    with site.nemesis.during(CpuBusy(site.victim.name)) as busy:
        for _ in range(3):
            site.until_seen(site.swap(), {site.other.name})
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[busy], excused=[busy])


@case(
    "CHA-035",
    feature="starvation",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "own-kernel"),
    reference="mm/oom_kill.c",
    disruptive=True,
)
def test_memory_short(site: Site) -> None:
    """A node with hardly any memory left fails nothing and misses no change."""
    with site.nemesis.during(MemoryShort(site.victim.name)) as short:
        for _ in range(3):
            site.until_seen(site.swap(), {site.other.name})
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[short])
