"""A node where kube-proxy cannot write, or cannot run what it needs, while connections go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.faults import ProxyKilled
from fixtures.node_faults import LockHeld
from fixtures.program_faults import DiskFull, ToolMissing
from fixtures.proxy_state import ProxyState

if TYPE_CHECKING:
    from clusters.protocol import Mode
    from fixtures.faults import Fault
    from fixtures.history import Span
    from fixtures.proxies import Proxies
    from suites.chaos.site import Site

NEEDS = ("hand-made-endpoints", "outside-client", "node-access", "node-programs", "proxy-restart")
RETRY = "k/k pkg/proxy/runner/bounded_frequency_runner.go"
SHORT = 2
"""A syncPeriod in seconds, after which kube-proxy tries again what failed (default 30)."""

LATE = 2 * SHORT
"""Seconds after which kube-proxy says that it is late (NewProxyHealthServer in server.go)."""

TRIED = 30.0
"""Seconds that two tries may take; each tool waits 5 s for the lock (k/k pkg/util/iptables)."""

TOOLS: dict[Mode, tuple[str, ...]] = {
    "iptables": ("iptables-restore",),
    "ipvs": ("ipset", "iptables-restore"),
    "nftables": ("nft",),
}
"""What kube-proxy calls; IPVS itself it tells the kernel without a program."""


def begin(site: Site, proxies: Proxies) -> None:
    """Begin with a kube-proxy that tries again soon."""
    proxies.set_periods([site.victim], sync=f"{SHORT}s")
    site.begin()


def unable(site: Site, fault: Fault) -> Span:
    """Have kube-proxy fail to program what changes, say so, and catch up by itself."""
    cluster, until = site.experiment.cluster, site.experiment.until
    with site.nemesis.during(fault) as span:
        # What it was at already may still succeed, and counts as the answer to all that it was
        # told meanwhile (ProxyHealthServer.Updated).
        until.or_go_on(
            f"kube-proxy on {site.victim.name} is done with what it was at",
            lambda: not cluster.proxy_busy(site.victim),
            within=site.experiment.bound,
        )
        site.until_seen(site.swap(), {site.other.name})
        site.until_health(503, within=LATE + site.experiment.bound)
        site.until_seen(site.swap(), {site.other.name})
        # One try may be under way since before the change. A later one that has failed leaves the
        # change to be remembered: needFullSync in k/k pkg/proxy/iptables/proxier.go.
        until.or_go_on(
            f"kube-proxy on {site.victim.name} has tried the change in vain",
            ProxyState(cluster).ended(site.victim, 2, site.workloads.family),
            within=TRIED,
        )
    # No other change: what it could not do it has to remember.
    site.until_seen(site.joined_by)
    site.until_health(200, within=SHORT + site.experiment.bound)
    return span


@case(
    "CHA-036",
    feature="disk full",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference="tmpfs(5); xtables_lock in iptables/xshared.c",
    disruptive=True,
)
def test_disk_full(site: Site) -> None:
    """Where nothing can be written kube-proxy goes on, even starts, and misses no change."""
    with site.nemesis.during(DiskFull(site.victim.name)):
        site.until_seen(site.swap())
        with site.nemesis.during(ProxyKilled(site.victim.name)) as killed:
            site.until_seen(site.swap(), {site.other.name})
        site.until_seen(site.swap())
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[killed])


@case(
    "CHA-037",
    feature=("programs missing", "healthz"),
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference=f"{RETRY} RetryAfter; k/k pkg/proxy/healthcheck/proxy_health.go",
    disruptive=True,
)
def test_tools_missing(proxies: Proxies, site_later: Site) -> None:
    """A kube-proxy whose tools cannot be run says that it is late, and catches up by itself."""
    site = site_later
    begin(site, proxies)
    tools = TOOLS[site.victim.spec.mode]
    spans = [unable(site, ToolMissing(site.victim.name, tool)) for tool in tools]
    site.experiment.go_on(2)
    site.judge(deaf=spans)


@pytest.mark.usefixtures("legacy_tables")
@case(
    "CHA-038",
    feature=("iptables lock", "healthz"),
    profile="chaos",
    level="extended",
    modes=("iptables", "ipvs"),
    min_nodes=2,
    requires=(*NEEDS, "iptables-backend"),
    reference="k/k#85771; xtables_lock in iptables/xshared.c",
    disruptive=True,
)
def test_lock_held(proxies: Proxies, site_later: Site) -> None:
    """A kube-proxy that cannot have the lock of iptables says that it is late, and catches up."""
    site = site_later
    begin(site, proxies)
    span = unable(site, LockHeld(site.victim.name))
    site.experiment.go_on(2)
    site.judge(deaf=[span])
