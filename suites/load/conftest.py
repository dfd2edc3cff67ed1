"""What load cases share: a Service behind one node, the generator beside it, and the budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.load.generator import LoadGenerator
from fixtures.load.places import InPods, Outside
from suites.load.site import Site
from suites.load.vantage import FromOutside, FromPods
from suites.oracles.budgets import Budgets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.load.places import Places
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.session import RunSession
    from fixtures.surroundings import Entry
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.load.vantage import Vantage

BUDGETS = Path(__file__).with_name("budgets.yaml")


@pytest.fixture
def make_generator(
    recorder: Recorder, until: Until, run_session: RunSession
) -> Callable[[Places], LoadGenerator]:
    """Make a generator that runs at some places."""
    directory = run_session.options.artifacts / "logs" / "load"
    return lambda places: LoadGenerator(places, recorder, until, directory)


@pytest.fixture
def outside_generator(
    make_generator: Callable[[Places], LoadGenerator], cluster: Cluster
) -> LoadGenerator:
    """Generate load from outside clients."""
    return make_generator(Outside(cluster))


@pytest.fixture
def vantage(
    cluster: Cluster,
    nodes: Sequence[Node],
    entry: Entry,
    clients: Clients,
    run_session: RunSession,
) -> Vantage:
    """Where loads come from, as the run was asked."""
    if run_session.options.load_from == "pods":
        return FromPods(InPods(cluster, nodes), clients)
    return FromOutside(Outside(cluster), nodes[0], entry)


@pytest.fixture(scope="session")
def budgets(run_session: RunSession) -> Budgets:
    """The budgets of this kind of cluster."""
    return Budgets(yaml.safe_load(BUDGETS.read_text())[run_session.options.provider])


@pytest.fixture
def site(
    workloads: Workloads,
    nodes: Sequence[Node],
    vantage: Vantage,
    check: Check,
    family: Family,
    make_generator: Callable[[Places], LoadGenerator],
    budgets: Budgets,
    recorder: Recorder,
) -> Iterator[Site]:
    """A Service whose two pods are on the node that the load enters by."""
    generator = make_generator(vantage.places)
    made = Site(workloads, nodes[0], vantage, check, family, generator, budgets, recorder)
    made.set_up()
    yield made
    made.end()
