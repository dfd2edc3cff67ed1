"""Steady loads: what a Service costs, against its own pod in the same minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.load.generator import Plan

if TYPE_CHECKING:
    from suites.load.site import Site

BLOCK = 0.05
"""Seconds of a turn. What makes an interval narrow are rounds, of which these loads have 20 and
more, not the seconds that they take."""


@case(
    "LOAD-001",
    feature=("load", "latency"),
    profile="load",
    requires=("load-generator",),
    reference="kubernetes/community sig-scalability/slos/first_packet_latency.md; KEP-3866",
    disruptive=True,
)
def test_new_connections(site: Site) -> None:
    """New TCP connections through a Service take a bounded multiple of those to its pod.

    Connections that are kept take as long as without the Service, since only a flow's first packet
    meets its rules.
    """
    plan = Plan(site.arms(kept=True), steps="300x8", block=BLOCK)
    site.judge(site.run(plan), "tcp")


@case(
    "LOAD-002",
    feature=("load", "latency", "http"),
    profile="load",
    requires=("load-generator",),
    reference="kubernetes/community sig-scalability/slos/network_latency.md",
    disruptive=True,
)
def test_http_requests(site: Site) -> None:
    """HTTP requests over new connections are all answered, nearly as fast as a pod answers them."""
    site.judge(site.run(Plan(site.arms("http"), steps="250x4", block=BLOCK)), "http")


@case(
    "LOAD-003",
    feature=("load", "latency", "udp"),
    profile="load",
    requires=("load-generator",),
    reference="kubernetes/community sig-scalability/slos/network_latency.md",
    disruptive=True,
)
def test_datagrams(site: Site) -> None:
    """Datagrams, each the first of a flow, are all answered, nearly as fast as a pod answers."""
    site.judge(site.run(Plan(site.arms("udp"), steps="250x4", block=BLOCK)), "udp")


@case(
    "LOAD-004",
    feature=("load", "spike"),
    profile="load",
    requires=("load-generator",),
    reference="giltene/wrk2 README (coordinated omission)",
    disruptive=True,
)
def test_spike(site: Site) -> None:
    """A sudden fourfold load fails no connection and leaves nothing that slows later ones."""
    site.judge(
        site.run(Plan(site.arms(), steps="100x3,400x1.5,100x3", users=40, block=BLOCK)), "spike"
    )
