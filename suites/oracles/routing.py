"""What one node's kube-proxy must do with a connection to a Service.

From Kubernetes' pkg/proxy/topology.go (CategorizeEndpoints) for the choice of endpoints, and
pkg/proxy/{iptables,nftables,ipvs}/proxier.go (syncProxyRules) for the ways into a Service and what
happens when none is left. Where a mode departs from what the Service API documents, the
documentation stands, and the mode is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from suites.oracles.endpoints import categorize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suites.oracles.endpoints import EndpointView

Mode = Literal["iptables", "ipvs", "nftables"]
Path = Literal["cluster-ip", "node-port", "external-ip", "load-balancer"]
Client = Literal["pod", "node", "outside"]
Policy = Literal["Cluster", "Local"]
Otherwise = Literal["refused", "dropped", "refused-or-dropped"]


@dataclass(frozen=True, slots=True)
class ServiceView:
    """What routing depends on in one port of a Service.

    `session_affinity` never changes which backends are right, only how long a client stays with
    one. `load_balancer_ips` are those of status.loadBalancer.ingress with ipMode VIP.
    """

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    port: int = 80
    node_port: int | None = None
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    internal_traffic_policy: Policy = "Cluster"
    external_traffic_policy: Policy = "Cluster"
    session_affinity: Literal["None", "ClientIP"] = "None"

    def offers(self, path: Path) -> bool:
        """Tell whether the Service can be reached this way at all."""
        return {
            "cluster-ip": True,
            "node-port": self.node_port is not None,
            "external-ip": bool(self.external_ips),
            "load-balancer": bool(self.load_balancer_ips),
        }[path]


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a connection must go.

    To one of `backends`; if there are none, it must end as `otherwise` says; if both are given,
    either is right. `masqueraded` is True if the backend must see an address of a node as the
    source, False if it must see the client's own, None if either is right. A connection that comes
    back to the very pod that made it (hairpin) is masqueraded whatever this says.
    """

    backends: frozenset[str]
    otherwise: Otherwise | None
    masqueraded: bool | None


def expected(
    service: ServiceView,
    endpoints: Sequence[EndpointView],
    *,
    path: Path,
    client: Client,
    node: str,
    mode: Mode,
    zone: str = "",
    local_detector: bool = True,
    masquerade_all: bool = False,
) -> Expected:
    """Say what must become of a new connection that the kube-proxy of `node` handles.

    `client` is how that kube-proxy sees who connects: a "pod" has an address that its local
    detector takes for a pod of the cluster, "node" is a process in the host network of this very
    node, and everyone else is "outside", also the host network of another node. `zone` is the
    node's. Without a `local_detector` (detectLocalMode that cannot decide) pods count as outside,
    except that nobody outside is masqueraded on the way to a ClusterIP.

    Raises ValueError if the Service does not offer the path.
    """
    if not service.offers(path):
        raise ValueError(f"a Service of type {service.type} without a {path} has no such path")
    if client == "pod" and not local_detector and path != "cluster-ip":
        client = "outside"
    choice = categorize(endpoints, node=node, zone=zone)
    cluster, local = frozenset(choice.cluster), frozenset(choice.local)
    if not cluster and not local:
        return Expected(frozenset(), _without_endpoints(path, client, mode), None)
    if path == "cluster-ip":
        masqueraded = _cluster_ip_masquerade(
            client, local_detector=local_detector, masquerade_all=masquerade_all
        )
        if service.internal_traffic_policy == "Cluster":
            return Expected(cluster, None, masqueraded)
        return _local_only(local, mode, masqueraded=masqueraded)
    if service.external_traffic_policy == "Cluster":
        return Expected(cluster, None, masqueraded=True)
    return _external_local(cluster, local, path, client, mode)


def _without_endpoints(path: Path, client: Client, mode: Mode) -> Otherwise:
    """Say how a Service without any usable endpoint in the cluster answers: it refuses.

    By REJECT rules in iptables and nftables; in IPVS an empty virtual server answers with an ICMP
    port unreachable (`ip_vs_leave`, net/netfilter/ipvs/ip_vs_core.c). iptables mode alone checks
    external and load balancer IPs in INPUT and FORWARD only, so a packet of the node itself leaves
    it and meets whoever has the address.
    """
    if mode == "iptables" and client == "node" and path in {"external-ip", "load-balancer"}:
        return "refused-or-dropped"
    return "refused"


def _local_only(local: frozenset[str], mode: Mode, *, masqueraded: bool | None) -> Expected:
    """Apply a Local policy; without a local endpoint nobody elsewhere may be reached.

    iptables and nftables drop then. The API leaves the way open, and IPVS has no rule for it: an
    empty virtual server refuses, and one that falls back to endpoints elsewhere without a
    masquerade, as syncEndpoint does since kubernetes/kubernetes#97081, ends in answers from a
    strange address, which the client discards. The same fallback for internalTrafficPolicy Local,
    which does deliver, breaks the documented policy and is judged wrong.
    """
    if local:
        return Expected(local, None, masqueraded)
    return Expected(frozenset(), "refused-or-dropped" if mode == "ipvs" else "dropped", None)


def _external_local(
    cluster: frozenset[str], local: frozenset[str], path: Path, client: Client, mode: Mode
) -> Expected:
    """Apply externalTrafficPolicy Local: to the outside only.

    The cluster's own clients take a short circuit, as if they had gone out to a load balancer and
    come back (the "pod traffic" and "route LOCAL traffic" rules of the proxiers).
    """
    if client == "outside":
        return _local_only(local, mode, masqueraded=False)
    if mode == "ipvs":
        return _ipvs_short_circuit(cluster, local, path, client)
    return Expected(cluster, None, masqueraded=client == "node")


def _ipvs_short_circuit(
    cluster: frozenset[str], local: frozenset[str], path: Path, client: Client
) -> Expected:
    """Apply externalTrafficPolicy Local to the cluster's own clients in IPVS mode.

    A virtual server cannot tell who connects, so they share the outside's endpoints while the node
    has any, and have the whole cluster's otherwise (kubernetes/kubernetes#97081). A process of the
    node gets the virtual address as its source, which every node holds on kube-ipvs0: endpoints
    elsewhere may then answer to themselves.
    """
    if client == "node" and path != "node-port":
        if local:
            return Expected(local, None, None)
        return Expected(cluster, "refused-or-dropped", None)
    return Expected(local or cluster, None, masqueraded=client == "node")


def _cluster_ip_masquerade(client: Client, *, local_detector: bool, masquerade_all: bool) -> bool:
    if masquerade_all or client == "node":
        return True
    return client == "outside" and local_detector
