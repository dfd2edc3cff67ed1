"""Which endpoints are right for whom, and what happens when there are none."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.endpoints import EndpointView, categorize
from suites.oracles.routing import Client, Expected, Mode, Path, ServiceView, expected

NEAR, FAR = EndpointView("near", node="n1"), EndpointView("far", node="n2")
EVERY_WAY = ServiceView(
    type="LoadBalancer",
    node_port=30080,
    external_ips=("198.51.100.7",),
    load_balancer_ips=("203.0.113.9",),
)
ALL = list(itertools.product(get_args(Path), get_args(Client), get_args(Mode)))
EXTERNAL: list[Path] = ["node-port", "external-ip", "load-balancer"]

VIEWS = st.lists(
    st.builds(
        EndpointView,
        name=st.uuids().map(str),
        node=st.sampled_from(["n1", "n2", "n3"]),
        ready=st.booleans(),
        serving=st.booleans(),
        terminating=st.booleans(),
        zone_hints=st.frozensets(st.sampled_from(["east", "west"])),
        node_hints=st.frozensets(st.sampled_from(["n1", "n2"])),
    ),
    max_size=6,
)


@given(VIEWS)
def test_not_ready_and_not_serving_is_never_used(views: list[EndpointView]) -> None:
    """Every endpoint chosen is ready, or serves while it terminates and nobody is ready."""
    choice = categorize(views, node="n1", zone="east")
    by_name = {view.name: view for view in views}
    for names in (choice.cluster, choice.local):
        chosen = [by_name[name] for name in names]
        assert all(view.ready for view in chosen) or all(view.last_resort for view in chosen)
    assert all(by_name[name].node == "n1" for name in choice.local)


@given(VIEWS)
def test_hints_never_leave_a_service_without_endpoints(views: list[EndpointView]) -> None:
    """Hints narrow the choice, but never to nothing."""
    plain = [replace(view, zone_hints=frozenset(), node_hints=frozenset()) for view in views]
    narrow = categorize(views, node="n1", zone="east")
    wide = categorize(plain, node="n1", zone="east")
    assert set(narrow.cluster) <= set(wide.cluster)
    assert bool(narrow.cluster) == bool(wide.cluster)
    assert narrow.local == wide.local


def test_terminating_endpoints_serve_only_when_nobody_is_ready() -> None:
    """The fallback is independent for the cluster and for the node."""
    dying = replace(NEAR, ready=False, terminating=True)
    assert categorize([dying, FAR], node="n1").cluster == ("far",)
    assert categorize([dying, FAR], node="n1").local == ("near",)
    assert categorize([dying], node="n2").cluster == ("near",)


def test_zone_hints_apply_if_everyone_has_them() -> None:
    """Only endpoints of the node's zone, unless one has no hint or none is for the zone."""
    east = EndpointView("e", node="n2", zone_hints=frozenset({"east"}))
    west = EndpointView("w", node="n2", zone_hints=frozenset({"west"}))
    assert categorize([east, west], node="n1", zone="east").cluster == ("e",)
    assert categorize([east, west], node="n1", zone="north").cluster == ("e", "w")
    assert categorize([east, west], node="n1").cluster == ("e", "w")
    assert categorize([east, west, FAR], node="n1", zone="east").cluster == ("e", "w", "far")
    unready = replace(FAR, ready=False)
    assert categorize([east, west, unready], node="n1", zone="east").cluster == ("e",)


def test_node_hints_come_before_zone_hints() -> None:
    """The node's own endpoints, else those of its zone."""
    zone = frozenset({"east"})
    here = EndpointView("here", zone_hints=zone, node_hints=frozenset({"n1"}))
    there = EndpointView("there", zone_hints=zone, node_hints=frozenset({"n2"}))
    assert categorize([here, there], node="n1", zone="east").cluster == ("here",)
    assert categorize([here, there], node="n3", zone="east").cluster == ("here", "there")


@pytest.mark.parametrize(("path", "client", "mode"), ALL)
def test_cluster_policy_reaches_every_ready_endpoint(
    path: Path, client: Client, mode: Mode
) -> None:
    """By every way in, from everywhere and in every mode."""
    right = expected(EVERY_WAY, [NEAR, FAR], path=path, client=client, node="n1", mode=mode)
    assert right.backends == {"near", "far"}
    assert right.otherwise is None
    assert right.masqueraded is (path != "cluster-ip" or client != "pod")


@pytest.mark.parametrize(("path", "client", "mode"), ALL)
def test_no_endpoints_anywhere_is_refused(path: Path, client: Client, mode: Mode) -> None:
    """At once and in every mode; only iptables lets a node's own packets to foreign IPs leave."""
    views = [replace(NEAR, ready=False, serving=False)]
    right = expected(EVERY_WAY, views, path=path, client=client, node="n1", mode=mode)
    leaves = mode == "iptables" and client == "node" and path in {"external-ip", "load-balancer"}
    assert right == Expected(frozenset(), "refused-or-dropped" if leaves else "refused", None)


@pytest.mark.parametrize(
    ("mode", "end"),
    [("iptables", "dropped"), ("nftables", "dropped"), ("ipvs", "refused-or-dropped")],
)
@pytest.mark.parametrize("client", get_args(Client))
def test_internal_local_policy(mode: Mode, end: str, client: Client) -> None:
    """The ClusterIP reaches the node's own endpoints and nobody else's; other ways are free."""
    service = replace(EVERY_WAY, internal_traffic_policy="Local")
    near = expected(service, [NEAR, FAR], path="cluster-ip", client=client, node="n1", mode=mode)
    assert near.backends == {"near"}
    none = expected(service, [FAR], path="cluster-ip", client=client, node="n1", mode=mode)
    assert (none.backends, none.otherwise) == (frozenset(), end)
    port = expected(service, [NEAR, FAR], path="node-port", client=client, node="n1", mode=mode)
    assert port.backends == {"near", "far"}


@pytest.mark.parametrize("path", EXTERNAL)
@pytest.mark.parametrize("mode", get_args(Mode))
def test_external_local_policy_for_the_outside(path: Path, mode: Mode) -> None:
    """Only the node's own endpoints, with the client's address; nobody from a node without."""
    service = replace(EVERY_WAY, external_traffic_policy="Local")
    views = [NEAR, FAR]
    here = expected(service, views, path=path, client="outside", node="n1", mode=mode)
    assert here == Expected(frozenset({"near"}), None, masqueraded=False)
    none = expected(service, views, path=path, client="outside", node="n3", mode=mode)
    assert none.backends == frozenset()
    assert none.otherwise == ("refused-or-dropped" if mode == "ipvs" else "dropped")


@pytest.mark.parametrize("path", EXTERNAL)
@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("client", ["pod", "node"])
@pytest.mark.parametrize("node", ["n1", "n3"])
def test_external_local_policy_spares_the_clusters_own_clients(
    path: Path, mode: Mode, client: Client, node: str
) -> None:
    """Pods and the node itself reach every endpoint, from nodes with and without one."""
    service = replace(EVERY_WAY, external_traffic_policy="Local")
    right = expected(service, [NEAR, FAR], path=path, client=client, node=node, mode=mode)
    assert right == Expected(frozenset({"near", "far"}), None, masqueraded=client == "node")


def test_external_local_policy_in_ipvs_has_one_set_for_all() -> None:
    """Own clients share the node's endpoints with the outside, or have all if there are none."""
    service = replace(EVERY_WAY, external_traffic_policy="Local")

    def to(path: Path, client: Client, node: str) -> Expected:
        return expected(service, [NEAR, FAR], path=path, client=client, node=node, mode="ipvs")

    every = frozenset({"near", "far"})
    assert to("node-port", "pod", "n1") == Expected(frozenset({"near"}), None, masqueraded=False)
    assert to("node-port", "pod", "n3") == Expected(every, None, masqueraded=False)
    assert to("node-port", "node", "n3") == Expected(every, None, masqueraded=True)
    assert to("load-balancer", "node", "n1") == Expected(frozenset({"near"}), None, None)
    assert to("load-balancer", "node", "n3") == Expected(every, "refused-or-dropped", None)


def test_external_policy_does_not_touch_the_cluster_ip() -> None:
    """The external policy Local leaves the ClusterIP to every endpoint."""
    service = replace(EVERY_WAY, external_traffic_policy="Local")
    right = expected(service, [NEAR, FAR], path="cluster-ip", client="pod", node="n3", mode="ipvs")
    assert right.backends == {"near", "far"}


def test_masquerade_of_the_cluster_ip() -> None:
    """Pods keep their address unless all are masqueraded; the outside only as a detector tells."""
    service = ServiceView()

    def masqueraded(
        client: Client, *, local_detector: bool = True, masquerade_all: bool = False
    ) -> bool | None:
        return expected(
            service,
            [NEAR],
            path="cluster-ip",
            client=client,
            node="n1",
            mode="iptables",
            local_detector=local_detector,
            masquerade_all=masquerade_all,
        ).masqueraded

    assert masqueraded("pod") is False
    assert masqueraded("pod", masquerade_all=True) is True
    assert masqueraded("outside") is True
    assert masqueraded("outside", local_detector=False) is False
    assert masqueraded("node", local_detector=False) is True


def test_without_a_detector_pods_are_outside() -> None:
    """A pod that cannot be told from the outside gets no short circuit."""
    service = replace(EVERY_WAY, external_traffic_policy="Local")
    right = expected(
        service,
        [FAR],
        path="node-port",
        client="pod",
        node="n1",
        mode="nftables",
        local_detector=False,
    )
    assert right.otherwise == "dropped"


def test_path_that_is_not_offered_is_an_error() -> None:
    """Asking for the NodePort of a ClusterIP Service is a mistake of the case."""
    with pytest.raises(ValueError, match="type ClusterIP without a node-port"):
        expected(ServiceView(), [NEAR], path="node-port", client="pod", node="n1", mode="ipvs")
