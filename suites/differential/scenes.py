"""Situations that every mode is put into: Services, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from suites.oracles.world import Endpoint, Port, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suites.oracles.world import State

    Make = Callable[[int, int], Service]
    """A Service of endpoints at a node, of so many nodes."""
    Then = tuple[str, Callable[[Service], Service | None]]
    """The name of a later state, and how a Service gets there; None: it is removed."""

FIRST = "at first"
A, B = Port("a", "tcp", 80), Port("b", "udp", 80)
OUTWARD = Service(type="LoadBalancer", external_ip=True)
"""Can be reached by every path at once."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One situation and the states that follow each other.

    `apart` makes a Service for each node, with its endpoints there: so every node is the one with
    the endpoints once, and one without them for the others'. With `unused`, ports that nobody has
    are asked for, too; with `flows`, UDP flows that go on from state to state are all that asks.
    """

    name: str
    make: Make
    then: tuple[Then, ...] = ()
    apart: bool = False
    unused: bool = False
    flows: bool = False


def on(nodes: Sequence[int], count: int, state: State = "ready") -> tuple[Endpoint, ...]:
    """Return the pool's two pods of each of these nodes as endpoints."""
    return tuple(Endpoint(node + row * count, state) for node in nodes for row in (0, 1))


def everywhere(service: Service = OUTWARD) -> Make:
    """Have ready endpoints on every node."""
    return lambda _node, count: service.with_slice("a", on(range(count), count))


def only_there(service: Service = OUTWARD, state: State = "ready") -> Make:
    """Have endpoints on one node only."""
    return lambda node, count: service.with_slice("a", on([node], count, state))


def beside(state: State, others: State, service: Service = OUTWARD) -> Make:
    """Have endpoints of one state on one node, and of another state on all others."""

    def make(node: int, count: int) -> Service:
        rest = [other for other in range(count) if other != node]
        listed = on([node], count, state) + on(rest, count, others)
        return service.with_slice("a", listed)

    return make


def hinted(service: Service = OUTWARD) -> Make:
    """Have endpoints on every node, each for the zone of its node."""

    def make(_node: int, count: int) -> Service:
        listed = on(range(count), count)
        return service.with_slice("a", tuple(replace(e, zone=e.pod % count) for e in listed))

    return make


def become(state: State) -> Callable[[Service], Service]:
    """Have all endpoints change."""

    def change(service: Service) -> Service:
        return service.with_slice("a", tuple(replace(e, state=state) for e in service.endpoints))

    return change


def having(**fields: object) -> Callable[[Service], Service]:
    """Change fields of the Service."""
    return lambda service: replace(service, **fields)  # type: ignore[arg-type]


GONE: Then = ("without endpoints", lambda service: replace(service, slices=(("a", ()),)))
DRAINED: Then = ("when all endpoints drain", become("draining"))
ENDED: Then = ("when all endpoints have ended", become("ended"))
READY: Then = ("when all are ready again", become("ready"))


READINESS = (
    Scene(
        "endpoints come and go",
        everywhere(),
        (
            ("without endpoints", become("ended")),
            READY,
            ("when none is ready", become("unready")),
            ("when all drain", become("draining")),
            GONE,
        ),
    ),
)
CONDITIONS = (
    Scene(
        "ready here, draining elsewhere",
        beside("ready", "draining"),
        (("when policies are Local", having(internal="Local", external="Local")),),
        apart=True,
    ),
    Scene(
        "draining here, ready elsewhere",
        beside("draining", "ready"),
        (("when policies are Local", having(internal="Local", external="Local")),),
        apart=True,
    ),
)
PORTS = (
    Scene(
        "ports change",
        everywhere(),
        (
            ("with one port more", having(ports=(A, B, Port("c", "tcp", 81)))),
            ("with renamed ports", having(ports=(Port("c", "tcp", 80), Port("d", "udp", 80)))),
            ("with names that no slice has", having(ports=(Port("x", "tcp", 80), B))),
            ("with other numbers", having(ports=(Port("a", "tcp", 82), Port("b", "udp", 82)))),
        ),
    ),
)
EXTERNAL_LOCAL = (
    Scene(
        "externalTrafficPolicy Local",
        only_there(replace(OUTWARD, external="Local")),
        (
            DRAINED,
            ENDED,
            READY,
            ("when the policy is Cluster", having(external="Cluster")),
            ("when it is Local again", having(external="Local")),
        ),
        apart=True,
    ),
    Scene(
        "externalTrafficPolicy Local, endpoints on all nodes",
        everywhere(replace(OUTWARD, external="Local")),
        (GONE,),
    ),
)
INTERNAL_LOCAL = (
    Scene(
        "internalTrafficPolicy Local",
        only_there(replace(OUTWARD, internal="Local")),
        (
            DRAINED,
            ENDED,
            READY,
            ("when the policy is Cluster", having(internal="Cluster")),
            ("when it is Local again", having(internal="Local")),
        ),
        apart=True,
    ),
)
HINTS = (
    Scene(
        "hints for zones",
        hinted(),
        (
            ("when all endpoints drain", become("draining")),
            READY,
            ("when policies are Local", having(internal="Local", external="Local")),
        ),
    ),
)
AFFINITY = (
    Scene(
        "session affinity",
        everywhere(replace(OUTWARD, affinity=True)),
        (
            ("when policies are Local", having(internal="Local", external="Local")),
            ("without affinity", having(affinity=False, internal="Cluster", external="Cluster")),
            ("with affinity again", having(affinity=True)),
        ),
    ),
)
RANGES = (
    Scene(
        "loadBalancerSourceRanges",
        everywhere(replace(OUTWARD, ranges="outside")),
        (
            ("with ranges of pods", having(ranges="pods")),
            GONE,
            ("without ranges", having(ranges="")),
        ),
    ),
)
TYPES = (
    Scene(
        "types",
        everywhere(),
        (
            ("as NodePort", having(type="NodePort")),
            ("as ClusterIP", having(type="ClusterIP", external_ip=False)),
            ("as LoadBalancer again", having(type="LoadBalancer", external_ip=True)),
        ),
    ),
)
UNUSED = (
    Scene(
        "ports and addresses that nobody has",
        everywhere(),
        (
            ("without endpoints", become("ended")),
            ("after the Service", lambda _service: None),
        ),
        unused=True,
    ),
)
FLOWS = (
    Scene(
        "UDP flows go on",
        everywhere(),
        (
            ("with endpoints on another node only", lambda s: s.with_slice("a", s.endpoints[:2])),
            ("when these drain", become("draining")),
            ("without endpoints", become("ended")),
            READY,
        ),
        flows=True,
    ),
)
