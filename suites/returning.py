"""What becomes of open connections when their endpoint returns while it still drains.

In IPVS mode they may be cut. kube-proxy deletes the real server and adds it again (syncEndpoint in
k/k pkg/proxy/ipvs/proxier.go, MoveRSOutofGracefulDeleteList), and since Linux 5.9 a kernel with
expire_nodest_conn, which kube-proxy sets, ends all connections of a server that is gone for a tick
(ip_vs_expire_nodest_conn_flush in net/netfilter/ipvs/ip_vs_conn.c). Between the two is less than a
tick on an idle node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from fixtures.workloads import Pod


def may_be_cut(returned: Collection[Pod], *, ipvs: bool) -> set[str]:
    """Return the identities of the pods whose connections may end, as they have returned."""
    return {pod.identity for pod in returned} if ipvs else set()
