"""Changes that surely meet in one sync, since the one before has just begun a minSyncPeriod."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fixtures.churn import flip_affinity
from fixtures.proxy_state import ProxyState

if TYPE_CHECKING:
    from clusters.protocol import Cluster, Node
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check

PERIOD = "3s"
"""A minSyncPeriod in which some changes fit; it counts from the beginning of a sync."""


class OneSync:
    """Callable that lets a node's kube-proxy sync, so that it may not again for a while."""

    def __init__(
        self, workloads: Workloads, cluster: Cluster, proxies: Proxies, check: Check, node: Node
    ) -> None:
        self.workloads = workloads
        self.cluster = cluster
        self.check = check
        self.node = node
        self._changing = workloads.service("changing", app="nobody")
        self._numbers = itertools.count()
        proxies.set_periods([node], min_sync=PERIOD)

    def __call__(self) -> None:
        """Make a change of no importance and wait until it is synced."""
        synced = ProxyState(self.cluster).ended(self.node, 1, self.workloads.family)
        flip_affinity(self._changing, next(self._numbers))
        self.check.until("a sync has just ended", synced, within=self.check.timeouts.programmed)
