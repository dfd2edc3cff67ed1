"""Fixtures that only judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import declared
from fixtures.proxy_state import ProxyState
from suites.answers import Answers
from suites.check import Check
from suites.health_port import HealthPort
from suites.programmed import Programmed

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.protocol import Cluster
    from fixtures.awake import Awake
    from fixtures.kube import Kube
    from fixtures.record import Recorder
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Service, Workloads


@pytest.fixture
def check(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    kube: Kube,
    until: Until,
    timeouts: Timeouts,
    mode: str,
    awake: Awake,
) -> Check:
    """Wait until it is so, then judge that it is only so."""
    case = declared(request.node.function)
    # Disruptive cases change nodes as well, which nobody counts.
    counted = case is not None and not case.disruptive
    return Check(
        until,
        timeouts,
        ProxyState(cluster),
        atomic=mode not in {"ipvs", "all"},
        in_turn=lambda: {node.spec.scheduler for node in cluster.nodes} == {"rr"},
        changes=(lambda: kube.writes) if counted else None,
        awake=awake.all,
    )


@pytest.fixture
def health_port(
    cluster: Cluster, recorder: Recorder, until: Until, timeouts: Timeouts
) -> Callable[[Service], HealthPort]:
    """Ask a Service's healthCheckNodePort."""
    answers = Answers(cluster, recorder)
    return lambda service: HealthPort(answers, until, service, timeouts.programmed)


@pytest.fixture
def programmed(workloads: Workloads, check: Check) -> Programmed:
    """Wait until all that the API has by now is in force."""
    return Programmed(workloads, check)
