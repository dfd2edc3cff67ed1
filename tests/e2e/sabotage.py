"""A pytest plugin that breaks the nodes by hand before the first case.

`PROXYPROOF_SABOTAGE` is a shell command that every node runs once the cluster is up. Only the
tests of the harness load this.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clusters.protocol import Cluster


@pytest.fixture(scope="session", autouse=True)
def sabotage(cluster: Cluster) -> None:
    """Break every node."""
    command = os.environ["PROXYPROOF_SABOTAGE"]
    for node in cluster.nodes:
        done = cluster.run(node, ["sh", "-ec", command])
        assert done.status == 0, f"the sabotage itself failed: {done.stderr}"
