"""Fixtures that only judge."""

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
def check(cluster: Cluster, until: Until, timeouts: Timeouts, mode: str) -> Check:
    """Wait until it is so, then judge that it is only so."""
    return Check(until, timeouts, ProxyState(cluster), atomic=mode != "ipvs")
