"""The API server, or a node's way to it, gone while connections go on."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.faults import ApiDown, StoreStalled
from fixtures.history import Span
from fixtures.network_faults import ApiCut, ApiForgotten

if TYPE_CHECKING:
    from suites.chaos.site import Site

SERVICE = "k/k test/e2e/network/service.go, should work after restarting apiserver"
NEEDS = ("hand-made-endpoints", "outside-client")
NOTICED = 30.0 + 15.0 + 1.6
"""Seconds until a client notices a connection that died in silence: it asks after 30 s without a
frame and waits for 15 (readIdleTimeoutSeconds and pingTimeoutSeconds in k/k
staging/src/k8s.io/apimachinery/pkg/util/net/http.go); the watch begins anew after 0.8 to 1.6."""


@pytest.fixture
def site(site_later: Site) -> Site:
    """A Service under load on two nodes, whose kube-proxies have not missed the API server yet."""
    site_later.restart_proxies()
    site_later.begin()
    return site_later


@case(
    "CHA-010",
    feature="API outage",
    profile="chaos",
    min_nodes=2,
    requires=(*NEEDS, "api-restart"),
    reference=f"{SERVICE}; k/k#76338",
    disruptive=True,
)
def test_api_server_killed_among_changes(site: Site) -> None:
    """Without an API server all goes on, and changes just before and after its absence arrive."""
    site.swap()
    with site.nemesis.during(ApiDown()) as down:
        site.experiment.go_on(3)
    deaf = site.experiment.allow(down.and_retries())
    site.until_seen(site.swap())
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf_all=[deaf])


@case(
    "CHA-011",
    feature="API outage",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "store-stall"),
    reference="k/k staging/src/k8s.io/apiserver/pkg/storage/etcd3",
    disruptive=True,
)
def test_store_stalled(site: Site) -> None:
    """While the API server's store stands still all goes on, and changes arrive afterwards."""
    with site.nemesis.during(StoreStalled()) as stalled:
        site.experiment.go_on(4)
    deaf = site.experiment.allow(stalled.and_retries())
    for _ in range(2):
        site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf_all=[deaf])


@case(
    "CHA-012",
    feature="API outage",
    profile="chaos",
    min_nodes=2,
    requires=(*NEEDS, "node-access"),
    reference="k/k#95981, k/k#107266",
    disruptive=True,
)
def test_cut_off_from_the_api_server(site: Site) -> None:
    """A node that alone cannot reach the API server goes on, and catches up when it can."""
    with site.nemesis.during(ApiCut(site.victim.name)) as cut:
        site.until_seen(site.swap(), {site.other.name})
        site.until_seen(site.swap(), {site.other.name})
    deaf = site.experiment.allow(cut.and_backoff())
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[deaf])


@case(
    "CHA-013",
    feature="API outage",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access", "api-restart"),
    reference="k/k staging/src/k8s.io/client-go/tools/cache, DeletedFinalStateUnknown",
    disruptive=True,
)
def test_slice_deleted_unseen(site: Site) -> None:
    """A slice whose deletion a node could not see is gone there when the node lists anew."""
    spare = site.pods[3:4]
    change = site.members.in_own_slice(spare)
    site.experiment.until_seen(spare[0], change)
    with ExitStack() as cut_off:
        # What an API server has sent arrives even after its end, so the node is cut off from one
        # that is not there, and has no connection when the slice goes.
        with site.nemesis.during(ApiDown()) as down:
            cut = cut_off.enter_context(site.nemesis.during(ApiCut(site.victim.name)))
        site.members.drop_slice(spare)
        # A third API server knows nothing from before that: the node has to list, and is told of
        # no deletion.
        with site.nemesis.during(ApiDown()) as again:
            site.experiment.go_on(1)
    # Between the two nobody had the time to connect, so for those who watch they are one.
    deaf = site.experiment.allow(replace(cut, start=down.start).and_retries())
    deaf_all = site.experiment.allow(replace(down, end=again.end).and_retries())
    site.until_seen(site.swap(on=site.other))
    # Seen by the new API server's watch, the change is later than the list that lacks the slice.
    site.experiment.go_on(max(0.0, deaf.end - site.experiment.now()) + site.experiment.bound + 2)
    site.judge(deaf=[deaf], deaf_all=[deaf_all])


@case(
    "CHA-014",
    feature="API outage",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "node-access"),
    reference="k/k#95981, k/k#87615",
    disruptive=True,
)
def test_connections_forgotten(site: Site) -> None:
    """A node whose connections to the API server died in silence notices, and makes new ones."""
    with site.nemesis.during(ApiForgotten(site.victim.name)) as dead:
        site.until_seen(site.swap(), {site.other.name})
        deaf = Span("not noticed", "outage", dead.start, dead.start + NOTICED)
        site.experiment.allow(deaf)
        # They never come back to life, so that only new ones bring the change.
        site.until_seen(site.joined_by)
    site.until_seen(site.swap())
    site.experiment.go_on(2)
    site.judge(deaf=[deaf])
