"""Services and endpoints as a value: what the API was told, and what each way in must answer.

The state is small on purpose: Services without selector, hand-made EndpointSlices over a fixed pool
of pods, one ClusterIP, NodePort, external IP and load balancer VIP each. `answer` joins it with the
routing model; it is pure and says nothing of how the state gets into a cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from suites.oracles.endpoints import EndpointView
from suites.oracles.routing import Expected, Mode, Path, ServiceView, expected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from suites.oracles.routing import Client, Policy

Protocol = Literal["tcp", "udp"]
Type = Literal["ClusterIP", "NodePort", "LoadBalancer"]
State = Literal["ready", "unready", "draining", "ended"]

BACKEND_PORTS: Mapping[str, tuple[Protocol, int]] = {
    "a": ("tcp", 8080),
    "b": ("udp", 8080),
    "c": ("tcp", 8081),
    "d": ("udp", 8081),
}
"""What every slice lists: port names of the endpoints, and where their pods serve them."""

PATHS: tuple[Path, ...] = ("cluster-ip", "node-port", "external-ip", "load-balancer")

KINDS: Mapping[str, Client] = {
    "pod": "pod",
    "member": "pod",
    "node": "node",
    "outside": "outside",
}
"""Who asks, as the kube-proxy of the node that it asks by sees it; a member is in the pool."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a Service; one whose name no slice lists has no endpoints."""

    name: str
    protocol: Protocol
    port: int

    @property
    def target(self) -> int | None:
        """Where the pods serve it."""
        found = BACKEND_PORTS.get(self.name)
        return found[1] if found and found[0] == self.protocol else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A pod of the pool in a slice; `zone` and `node` are its hints, numbers or None."""

    pod: int
    state: State = "ready"
    zone: int | None = None
    node: int | None = None

    @property
    def conditions(self) -> dict[str, bool]:
        """The conditions as in the API."""
        return {
            "ready": self.state == "ready",
            "serving": self.state in {"ready", "draining"},
            "terminating": self.state in {"draining", "ended"},
        }


@dataclass(frozen=True, slots=True)
class Service:
    """One Service with its slices by suffix; no pod is in two slices."""

    type: Type = "ClusterIP"
    ports: tuple[Port, ...] = (Port("a", "tcp", 80), Port("b", "udp", 80))
    internal: Policy = "Cluster"
    external: Policy = "Cluster"
    affinity: bool = False
    external_ip: bool = False
    ranges: Literal["", "outside", "pods"] = ""
    slices: tuple[tuple[str, tuple[Endpoint, ...]], ...] = ()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints of all slices."""
        return tuple(endpoint for _, listed in self.slices for endpoint in listed)

    def with_slice(self, suffix: str, endpoints: tuple[Endpoint, ...]) -> Self:
        """Return it with a slice replaced; its pods leave the other slices."""
        moved = {endpoint.pod for endpoint in endpoints}
        slices = {
            name: tuple(e for e in listed if e.pod not in moved) for name, listed in self.slices
        }
        slices[suffix] = endpoints
        return replace(self, slices=tuple(sorted(slices.items())))

    def offers(self, path: Path) -> bool:
        """Tell whether there is such an address."""
        return {
            "cluster-ip": True,
            "node-port": self.type != "ClusterIP",
            "external-ip": self.external_ip,
            "load-balancer": self.type == "LoadBalancer",
        }[path]

    @property
    def view(self) -> ServiceView:
        """The Service as the routing model takes it."""
        outward = self.type != "ClusterIP" or self.external_ip
        return ServiceView(
            type=self.type,
            node_port=1 if self.offers("node-port") else None,
            external_ips=("external",) if self.external_ip else (),
            load_balancer_ips=("vip",) if self.offers("load-balancer") else (),
            internal_traffic_policy=self.internal,
            external_traffic_policy=self.external if outward else "Cluster",
            session_affinity="ClientIP" if self.affinity else "None",
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are: the node of each pod of the pool, and the zone of each node."""

    pods: tuple[int, ...]
    zones: tuple[int, ...]

    def views(self, service: Service, port: Port) -> tuple[EndpointView, ...]:
        """Return the endpoints of a port of a Service for the routing model, named by pod."""
        if port.target is None:
            return ()
        return tuple(
            EndpointView(
                name=str(endpoint.pod),
                node=str(self.pods[endpoint.pod]),
                zone=str(self.zones[self.pods[endpoint.pod]]),
                ready=endpoint.conditions["ready"],
                serving=endpoint.conditions["serving"],
                terminating=endpoint.conditions["terminating"],
                zone_hints=frozenset() if endpoint.zone is None else {str(endpoint.zone)},  # type: ignore[arg-type]
                node_hints=frozenset() if endpoint.node is None else {str(endpoint.node)},  # type: ignore[arg-type]
            )
            for endpoint in service.endpoints
        )


@dataclass(frozen=True, slots=True)
class World:
    """All Services by slot, and the layout."""

    layout: Layout
    services: Mapping[str, Service] = field(default_factory=dict)

    def put(self, slot: str, service: Service) -> World:
        """Return it with a Service made or changed."""
        return replace(self, services={**self.services, slot: service})

    def remove(self, slot: str) -> World:
        """Return it without a Service."""
        rest = {name: held for name, held in self.services.items() if name != slot}
        return replace(self, services=rest)

    def move(self, node: int, zone: int) -> World:
        """Return it with a node in another zone."""
        zones = list(self.layout.zones)
        zones[node] = zone
        return replace(self, layout=replace(self.layout, zones=tuple(zones)))


def answer(
    world: World, slot: str, port: Port, *, path: Path, kind: str, node: int, mode: Mode
) -> Expected | None:
    """Say what a client of this kind must meet at a Service, None where a mode is known to differ.

    Raises ValueError if the Service does not offer the path.
    """
    service = world.services[slot]
    if path == "load-balancer" and service.ranges:
        return _ranged(world, slot, port, kind=kind, node=node, mode=mode)
    views = world.layout.views(service, port)
    right = expected(
        service.view,
        views,
        path=path,
        client=KINDS[kind],
        node=str(node),
        mode=mode,
        zone=str(world.layout.zones[node]),
    )
    if undocumented(right, path=path, mode=mode):
        return None
    return right


def _ranged(
    world: World, slot: str, port: Port, *, kind: str, node: int, mode: Mode
) -> Expected | None:
    """Apply loadBalancerSourceRanges: who is in no range is dropped, except a node that is in one.

    What a node itself may do depends on the mode (the nodeIP rules of the proxiers), and it is left
    open; so is what comes first for a Service without endpoints, the refusal or the drop.
    """
    service = world.services[slot]
    bare = replace(service, ranges="")
    free = answer(
        world.put(slot, bare), slot, port, path="load-balancer", kind=kind, node=node, mode=mode
    )
    if kind == "node" or free is None or not free.backends:
        return None
    allowed = kind == "outside" if service.ranges == "outside" else kind in {"pod", "member"}
    return free if allowed else Expected(frozenset(), "dropped", None)


def undocumented(right: Expected, *, path: Path, mode: Mode) -> bool:
    """Tell where IPVS is known to do otherwise than the API says, so that nothing is judged.

    With internalTrafficPolicy Local and endpoints on other nodes only, syncEndpoint of
    pkg/proxy/ipvs/proxier.go falls back to those (made for externalTrafficPolicy, k/k #97081).
    """
    return mode == "ipvs" and path == "cluster-ip" and right.otherwise == "refused-or-dropped"


def to_plain(service: Service) -> dict[str, Any]:
    """Return a Service as JSON can hold it, without what is as usual."""
    usual, plain = Service(), dict[str, Any]()
    for name in ("type", "internal", "external", "affinity", "external_ip", "ranges"):
        if getattr(service, name) != getattr(usual, name):
            plain[name] = getattr(service, name)
    if service.ports != usual.ports:
        plain["ports"] = [[p.name, p.protocol, p.port] for p in service.ports]
    plain["slices"] = {
        suffix: [[e.pod, e.state, e.zone, e.node] for e in listed]
        for suffix, listed in service.slices
    }
    return plain


def from_plain(plain: Mapping[str, Any]) -> Service:
    """Return the Service that `to_plain` was given; raises KeyError or TypeError for others."""
    given = dict(plain)
    slices = tuple(
        (suffix, tuple(Endpoint(*entry) for entry in listed))
        for suffix, listed in given.pop("slices").items()
    )
    if "ports" in given:
        given["ports"] = tuple(Port(*entry) for entry in given["ports"])
    return Service(slices=slices, **given)
