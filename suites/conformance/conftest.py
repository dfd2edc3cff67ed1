"""What the conformance cases need of the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clusters.protocol import Cluster

UNLIMITED = ("net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")


@pytest.fixture(scope="session", autouse=True)
def refuse_every_time(cluster: Cluster) -> None:
    """Let nodes refuse as often as they are asked.

    A kernel sends a client six ICMP errors at once and then one a second (icmp_ratelimit in
    Documentation/networking/ip-sysctl.rst), so that a refused probe would look dropped.
    """
    if "node-access" in cluster.capabilities:
        for node in cluster.nodes:
            cluster.run(node, ["sysctl", "-qw", *UNLIMITED])
