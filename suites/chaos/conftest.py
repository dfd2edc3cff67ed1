"""Fixtures of experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.history import History
from fixtures.nemesis import Nemesis
from fixtures.program_faults import LegacyTables
from suites.chaos.experiment import Experiment
from suites.chaos.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads


@pytest.fixture
def history(recorder: Recorder) -> Iterator[History]:
    """Keep what happens during the case; its loads end with it."""
    made = History(recorder)
    yield made
    made.stop()


@pytest.fixture
def nemesis(
    cluster: Cluster, until: Until, history: History, workloads: Workloads
) -> Iterator[Nemesis]:
    """Make faults; whatever is in force is taken away before the case's objects go."""
    del workloads
    made = Nemesis(cluster, until, history)
    yield made
    made.put_back()


@pytest.fixture
def legacy_tables(cluster: Cluster, until: Until, nodes: Sequence[Node]) -> Iterator[None]:
    """Have the node that faults are for use iptables-legacy, as older distributions do."""
    made = Nemesis(cluster, until)
    with made.during(LegacyTables(nodes[1].name)):
        yield


@pytest.fixture
def experiment(
    cluster: Cluster,
    history: History,
    nemesis: Nemesis,
    until: Until,
    timeouts: Timeouts,
    observe: Callable[[str, Any], None],
) -> Experiment:
    """Have loads go on while things change and break."""
    return Experiment(cluster, history, nemesis, until, timeouts, observe)


@pytest.fixture
def site_later(
    experiment: Experiment, workloads: Workloads, clients: Clients, nodes: Sequence[Node]
) -> Site:
    """A Service on two nodes whose loads the case has to begin."""
    return Site(experiment, workloads, clients, nodes)


@pytest.fixture
def site(site_later: Site) -> Site:
    """A Service under load on two nodes, its changes measured in peace."""
    site_later.begin()
    return site_later
