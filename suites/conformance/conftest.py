"""Fixtures that only conformance cases need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.proxy_state import ProxyState
from suites.check import Check
from suites.local_policy import LocalPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.awake import Awake
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until


@pytest.fixture(scope="session")
def patient_check(cluster: Cluster, until: Until, timeouts: Timeouts, awake: Awake) -> Check:
    """Judge as `check` does, where a node may run a mode whose syncs are not atomic."""
    return Check(until, timeouts, ProxyState(cluster), atomic=False, awake=awake.all)


@pytest.fixture
def local_policy(
    check: Check, clients: Clients, entry: Entry, nodes: Sequence[Node], mode: str
) -> LocalPolicy:
    """Judge addresses of Services with externalTrafficPolicy Local."""
    return LocalPolicy(check, clients, entry, nodes, mode)
