"""kube-proxy killed, stopped and killed again while connections go on and endpoints change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.faults import ProxyKilled, ProxyStopped

if TYPE_CHECKING:
    from suites.chaos.site import Site

SERVICE = "k/k test/e2e/network/service.go, should work after restarting kube-proxy"
NEEDS = ("proxy-restart", "hand-made-endpoints", "outside-client")


@case(
    "CHA-001",
    feature="kube-proxy restart",
    profile="chaos",
    min_nodes=2,
    requires=NEEDS,
    reference=f"{SERVICE}; KEP-3866",
    disruptive=True,
)
def test_killed_while_endpoints_change(site: Site) -> None:
    """A kube-proxy that is killed leaves what it had, and catches up with all changes when back."""
    with site.nemesis.during(ProxyKilled(site.victim.name)) as killed:
        site.until_seen(site.swap(), {site.other.name})
        site.avoid_udp_flow()
    # A later change would make up for a flow that the first sync leaves where nothing is.
    site.experiment.go_on(site.experiment.bound + 2)
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[killed])


@case(
    "CHA-002",
    feature="kube-proxy stopped",
    profile="chaos",
    min_nodes=2,
    requires=(*NEEDS, "node-access"),
    reference="k/k pkg/proxy/config/config.go",
    disruptive=True,
)
def test_stopped_while_endpoints_change(site: Site) -> None:
    """A kube-proxy that stands still leaves what it had, and catches up when it goes on."""
    with site.nemesis.during(ProxyStopped(site.victim.name)) as stopped:
        site.until_seen(site.swap(), {site.other.name})
        site.until_seen(site.swap(), {site.other.name})
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[stopped])


@case(
    "CHA-003",
    feature="kube-proxy restart",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference=f"{SERVICE}; k/k#92019",
    disruptive=True,
)
def test_crash_loop(site: Site) -> None:
    """A kube-proxy that is killed again and again fails no connection and ends up right."""
    spans = []
    for _ in range(4):
        with site.nemesis.during(ProxyKilled(site.victim.name)) as killed:
            site.swap()
        spans.append(killed)
        site.swap()
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=spans)
