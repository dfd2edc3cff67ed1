"""Fixtures that only conformance cases need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.proxy_state import ProxyState
from suites.check import Check

if TYPE_CHECKING:
    from clusters.protocol import Cluster
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until


@pytest.fixture(scope="session")
def patient_check(cluster: Cluster, until: Until, timeouts: Timeouts) -> Check:
    """Judge as `check` does, where a node may run a mode whose syncs are not atomic."""
    return Check(until, timeouts, ProxyState(cluster), atomic=False)
