"""Random changes of Services, endpoints and nodes against the routing model."""

from __future__ import annotations

import math
import shlex
import time
from typing import TYPE_CHECKING

import pytest

from clusters.protocol import RUN_MODES
from fixtures.case import case
from suites.bench import Bench
from suites.oracles.changes import to_line
from suites.replay import replay
from suites.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clusters.protocol import Cluster
    from fixtures.addresses import Addresses
    from fixtures.options import Options
    from fixtures.provide import Clients
    from fixtures.session import RunSession
    from fixtures.surroundings import Entry
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads

MANY, SECONDS = 10_000, 15.0
"""What a run is content with that asks for no number of steps."""

REFERENCE = "k/k pkg/proxy/topology.go; k/k pkg/proxy/{iptables,ipvs,nftables}/proxier.go"


@pytest.fixture
def bench(
    cluster: Cluster,
    clients: Clients,
    workloads: Workloads,
    entry: Entry,
    addresses: Addresses,
    until: Until,
    timeouts: Timeouts,
) -> Iterator[Bench]:
    """A pool of pods, and Services that follow a model."""
    made = Bench(cluster, clients, workloads, entry, addresses, until=until, timeouts=timeouts)
    with made:
        yield made


def again(options: Options, nodes: int, what: str) -> str:
    """Return the one line that does it once more."""
    environment = "all-modes" if options.mode == "all" else options.mode
    build = f" --kp-build {shlex.quote(options.build)}" if options.build else ""
    return (
        f"tox -e {environment} -- --kp-cases MOD-001 --kp-family {options.family} "
        f"--kp-nodes {nodes}{build} {what}"
    )


@case(
    "MOD-001",
    feature=("ClusterIP", "NodePort", "ExternalIP", "LoadBalancer", "eTP", "iTP", "topology"),
    level="extended",
    modes=RUN_MODES,
    min_nodes=2,
    requires=("outside-client", "outside-route", "proxy-restart", "hand-made-endpoints"),
    reference=REFERENCE,
    disruptive=True,
)
def test_random_changes(
    bench: Bench,
    run_session: RunSession,
    observe: Callable[[str, object], None],
) -> None:
    """After any sequence of changes every vantage meets what the routing model says."""
    from suites.explorer import Explorer  # noqa: PLC0415 - hypothesis takes a while to load

    options, trial = run_session.options, Trial(bench)
    number = run_session.seed if options.model_seed is None else options.model_seed
    steps = options.model_steps or MANY
    seconds = math.inf if options.model_steps else SECONDS
    explorer = Explorer(trial, steps, number, seconds=seconds)
    observe("seed", number)
    print(f"MOD-001: seed {number}")  # noqa: T201 - also when the run is killed
    line = options.model_replay
    began = time.monotonic()
    found = replay(trial, line) if line else explorer.run()
    observe("steps", trial.steps)
    observe("steps a minute", round(60 * trial.steps / (time.monotonic() - began)))
    observe("lives", explorer.lives)
    exactly = f"--kp-model-replay {shlex.quote(to_line(found.changes))}"
    seeded = f"--kp-model-seed {number} --kp-model-steps {max(trial.steps, 1)}"
    nodes = len(bench.nodes)
    if found.sentence:
        raise AssertionError(
            f"{found.sentence}; {len(found.changes)} changes are enough, to make them again: "
            f"{again(options, nodes, exactly)}\nTo search again: {again(options, nodes, seeded)}"
        )
