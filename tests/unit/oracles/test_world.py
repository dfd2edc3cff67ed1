"""Services as values: every change can be written down, read again and judged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.changes import Change, apply, change_from, to_line
from suites.oracles.observed import fault, missed, moved
from suites.oracles.routing import Expected
from suites.oracles.world import (
    KINDS,
    PATHS,
    Endpoint,
    Layout,
    Port,
    Service,
    World,
    answer,
    from_plain,
    to_plain,
)
from suites.strategies import POLICY, PORTS, TYPES, endpoints

if TYPE_CHECKING:
    from suites.oracles.routing import Mode

MODES: tuple[Mode, ...] = ("iptables", "ipvs", "nftables")
LAYOUT = Layout(pods=(0, 1, 0, 1), zones=(0, 1))
A = Port("a", "tcp", 80)

services = st.builds(
    Service,
    type=TYPES,
    ports=PORTS,
    internal=POLICY,
    external=POLICY,
    affinity=st.booleans(),
    external_ip=st.booleans(),
    ranges=st.sampled_from(["", "outside", "pods"]),
    slices=endpoints(4).map(lambda listed: (("a", listed),)),
)
changes = st.one_of(
    st.builds(lambda s: Change("put", ("s0", s)), services),
    st.just(Change("remove", ("s0",))),
    st.builds(lambda e: Change("slice", ("s0", "b", e)), endpoints(4)),
    st.builds(lambda p: Change("flip", ("s0", p, "draining")), st.integers(0, 3)),
    st.builds(lambda p: Change("set", ("s0", "ports", p)), PORTS),
    st.builds(lambda p: Change("set", ("s0", "internal", p)), POLICY),
    st.builds(lambda n, z: Change("zone", (n, z)), st.integers(0, 1), st.integers(0, 1)),
    st.just(Change("restart", (1,))),
)


def world_of(service: Service) -> World:
    """Return a world of one Service."""
    return World(LAYOUT, {"s0": service})


def told(service: Service, **asked: Any) -> Expected | None:
    """Return what is right for a Service's first port."""
    usual: dict[str, Any] = {"path": "cluster-ip", "kind": "pod", "node": 0, "mode": "nftables"}
    return answer(world_of(service), "s0", service.ports[0], **(usual | asked))


@given(services)
def test_services_survive_being_written(service: Service) -> None:
    """What a replay line says of a Service is all of it."""
    assert from_plain(json.loads(json.dumps(to_plain(service)))) == service


@given(st.lists(changes, max_size=8))
def test_changes_survive_being_written(made: list[Change]) -> None:
    """A replay line gives the same changes, and so the same world."""
    again = [change_from(entry) for entry in json.loads(to_line(made))]
    assert again == made
    first = second = World(LAYOUT)
    for one, other in zip(made, again, strict=True):
        first, second = apply(first, one), apply(second, other)
    assert first == second


@given(st.lists(changes, max_size=12))
def test_no_pod_is_in_two_slices(made: list[Change]) -> None:
    """Whatever changes, each pod is listed once."""
    world = World(LAYOUT)
    for change in made:
        world = apply(world, change)
    for service in world.services.values():
        pods = [endpoint.pod for endpoint in service.endpoints]
        assert len(pods) == len(set(pods))


@given(services, st.sampled_from(MODES), st.integers(0, 1), st.sampled_from(sorted(KINDS)))
def test_backends_are_endpoints_that_serve(
    service: Service, mode: Mode, node: int, kind: str
) -> None:
    """No answer names a pod that is not listed, or that serves no more; and there is an answer."""
    serving = {str(e.pod) for e in service.endpoints if e.conditions["serving"]}
    for path in PATHS:
        if not service.offers(path):
            continue
        right = told(service, path=path, mode=mode, node=node, kind=kind)
        if right is not None:
            assert right.backends <= serving
            assert right.backends or right.otherwise


def test_an_unnamed_port_has_no_endpoints() -> None:
    """A port whose name no slice lists is refused."""
    service = Service(ports=(Port("x", "tcp", 80),), slices=(("a", (Endpoint(0),)),))
    right = told(service)
    assert right is not None
    assert right.otherwise == "refused"


def test_ranges_drop_whom_they_do_not_name() -> None:
    """A load balancer's ranges hold for its address, and no other path."""
    service = Service(type="LoadBalancer", ports=(A,), slices=(("a", (Endpoint(0),)),))
    limited = replace(service, ranges="outside")
    dropped = told(limited, path="load-balancer", kind="pod")
    assert dropped == Expected(frozenset(), "dropped", None)
    assert told(limited, path="load-balancer", kind="outside") == told(
        service, path="load-balancer", kind="outside"
    )
    assert told(limited, path="node-port") == told(service, path="node-port")


def test_unknown_changes_are_an_error() -> None:
    """A verb that there is not is a mistake in a replay line."""
    with pytest.raises(ValueError, match="no change paint"):
        apply(world_of(Service()), Change("paint", ("s0",)))


class See:
    """An attempt that was answered, or was not."""

    def __init__(
        self, outcome: str = "ok", backend: str = "0", port: int = 8080, source: str = "client"
    ) -> None:
        self.outcome = outcome
        self.backend = backend
        self.port = port
        self.source = source


KEPT = Expected(frozenset({"0", "2"}), None, masqueraded=False)
DROPPED = Expected(frozenset(), "dropped", None)


@pytest.mark.parametrize(
    ("seen", "right", "sentence"),
    [
        (See(), KEPT, ""),
        (See(backend="1"), KEPT, "reached pod 1, but should have reached pod 0 or 2"),
        (See(port=8081), KEPT, "reached pod 0 on port 8081, but should on port 8080"),
        (See(source="node"), KEPT, "which saw the source address of node"),
        (See("refused"), KEPT, "was refused, but should have reached pod 0 or 2"),
        (See("timeout"), KEPT, "had no answer, but should have reached pod 0 or 2"),
        (See("timeout"), DROPPED, ""),
        (See("denied"), DROPPED, ""),
        (See("refused"), DROPPED, "was refused, but should have been dropped"),
        (See(), DROPPED, "reached pod 0, but should have been dropped"),
    ],
)
def test_faults_are_told(seen: See, right: Expected, sentence: str) -> None:
    """Each way to be wrong has its sentence, and what is right has none."""
    found = fault([seen], right, target=8080)
    assert sentence in found
    assert bool(found) == bool(sentence)


def test_hairpins_are_masqueraded() -> None:
    """What comes back to the pod that asked has the node's address."""
    assert fault([See(source="node")], KEPT, target=8080, own="0") == ""
    assert fault([See()], KEPT, target=8080, own="0")


def test_a_port_where_a_flow_may_have_begun() -> None:
    """A flow may be at another port than new connections, but only at one that is named."""
    assert "on port 8080, but should on port 8081" in fault([See()], KEPT, target=8081)
    assert fault([See()], KEPT, target=8081, also=(8080,)) == ""


def test_affinity_and_coverage_are_told() -> None:
    """Several backends are wrong for one client with affinity, and missing ones without."""
    assert (
        moved([See(), See(backend="2")]) == "reached pods 0 and 2, but should have stayed with one"
    )
    assert moved([See(), See()]) == ""
    assert missed([See(), See()], {"0", "2"}) == ["2"]
