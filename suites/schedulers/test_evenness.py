"""How evenly each mode and scheduler spreads load: measured, not judged."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from suites.oracles.schedulers import SCHEDULERS
from suites.oracles.verdict import all_of, require
from suites.schedulers.evenness import Evenness
from suites.schedulers.flows import all_answered
from suites.schedulers.rounds import in_rounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.protocol import Cluster
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.workloads import Workloads
    from suites.schedulers.evenness import Measured
    from suites.schedulers.rounds import Rounds

SPREADERS = ("iptables", "nftables", *SCHEDULERS, "twos")


@pytest.fixture
def rounds(
    cluster: Cluster, clients: Clients, make_workloads: Callable[[str], Workloads]
) -> Iterator[Rounds[Measured]]:
    """The measurement, of all modes and schedulers."""
    with in_rounds(
        cluster,
        SPREADERS,
        lambda: make_workloads("evenness"),
        lambda workloads: Evenness(workloads, clients),
    ) as rounds:
        yield rounds


@case(
    "SCH-020",
    feature="evenness",
    profile="schedulers",
    level="extended",
    modes=("all",),
    requires=("node-access", "proxy-restart"),
    reference="the claim that IPVS spreads load more evenly than iptables",
    disruptive=True,
)
def test_evenness(
    rounds: Rounds[Measured], recorder: Recorder, observe: Callable[[str, object], None]
) -> None:
    """Load is spread as evenly as the coefficients of variation show, beside each other.

    Connections, open connections and bytes over four endpoints, for short, long and mixed flows,
    for sizes as they are, and with one endpoint that is slow; 0 is even, 1.73 is one for all. Each
    is the mean of five measurements with its 95% interval. What is judged is only that every flow
    was answered, but for ovf, which refuses when each endpoint has two.
    """
    names = [name for name in SPREADERS if rounds.known[name]]
    measured = {name: rounds.site(name) for name in names}
    for name, site in measured.items():
        for attempts in site.flows.attempts:
            recorder.attempts(f"{name}: {site.flows.client.name}", attempts)
    figures = {name: site.figures() for name, site in measured.items()}
    for what in next(iter(figures.values())):
        observe(f"coefficient of variation of {what}", {n: f[what][0] for n, f in figures.items()})
    observe(
        "share of a slow endpoint, of four",
        {name: statistics.fmean(site.slow_shares) for name, site in measured.items()},
    )
    observe(
        "with 95% intervals",
        [
            {"served by": name}
            | {
                what: f"{mean:.2f} ({low:.2f} to {high:.2f})"
                for what, (mean, low, high) in f.items()
            }
            for name, f in figures.items()
        ],
    )
    require(
        all_of(
            *(
                all_answered(site.flows.refused, sum(map(len, site.flows.attempts)), name)
                for name, site in measured.items()
                if name != "ovf"
            )
        )
    )
