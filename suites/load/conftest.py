"""What load cases share: a Service behind one node, the generator beside it, and the budgets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fixtures.load.generator import LoadGenerator
from suites.load.site import Site
from suites.oracles.budgets import Budgets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.record import Recorder
    from fixtures.session import RunSession
    from fixtures.surroundings import Entry
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.check import Check

BUDGETS = Path(__file__).with_name("budgets.yaml")


@pytest.fixture
def generator(
    cluster: Cluster, recorder: Recorder, until: Until, run_session: RunSession
) -> LoadGenerator:
    """Generate load from outside clients."""
    directory = run_session.options.artifacts / "logs" / "load"
    return LoadGenerator(cluster, recorder, until, directory)


@pytest.fixture(scope="session")
def budgets(run_session: RunSession) -> Budgets:
    """The budgets of this kind of cluster."""
    return Budgets(yaml.safe_load(BUDGETS.read_text())[run_session.options.provider])


@pytest.fixture
def site(
    workloads: Workloads,
    nodes: Sequence[Node],
    entry: Entry,
    check: Check,
    family: Family,
    generator: LoadGenerator,
    budgets: Budgets,
    recorder: Recorder,
) -> Iterator[Site]:
    """A Service whose two pods are on the node that the load enters by."""
    made = Site(workloads, nodes[0], entry, check, family, generator, budgets, recorder)
    made.set_up()
    yield made
    made.end()
