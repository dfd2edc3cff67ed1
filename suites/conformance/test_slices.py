"""EndpointSlices: how several make one set of endpoints, and which of them do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.case import case
from fixtures.slices import DEAD, OTHER, Slices, endpoint, endpoints
from suites.known_bugs import SHARED_ADDRESS
from suites.load_balancing import load_balancer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Family, Node
    from fixtures.provide import Clients
    from fixtures.workloads import Service, Workloads
    from suites.check import Check
    from suites.health_port import HealthPort

BY_HAND = ("hand-made-endpoints",)
HEADLESS = "service.kubernetes.io/headless"
SERVICE = "k/k test/e2e/network/service.go"


@case(
    "SVC-019",
    feature="slices",
    requires=BY_HAND,
    reference="k/k pkg/proxy/endpointslicecache.go addEndpoints, checkoutChanges",
)
def test_endpoint_moves(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """An endpoint that moves between slices never fails; a deleted slice takes its own along."""
    pods = workloads.pods(3, on=nodes)
    client, service = clients.pod(nodes[0]), workloads.service(app=None)
    slices = Slices(service)
    fixed, moving = endpoints(pods[:1], family), endpoints(pods[1:], family)
    slices.write("first", [*fixed, *moving])
    slices.write("second", [])
    check.reaches(client, service.target(), pods)
    with check.meanwhile(client, service.target()):
        for _ in range(5):
            # The controller's order, too: first it is in both, then in the new one only.
            slices.write("second", moving)
            slices.write("first", fixed)
            slices.write("first", [*fixed, *moving])
            slices.write("second", [])
        slices.write("second", moving)
        slices.write("first", fixed)
        check.reaches(client, service.target(), pods)
        slices.delete("second")
        check.reaches(client, service.target(), pods[:1])
    slices.write("second", moving)
    slices.delete("first")
    check.reaches(client, service.target(), pods[1:])
    slices.delete("second")
    check.refuses(client, service.target())


@case(
    "SVC-020",
    feature="slices",
    requires=BY_HAND,
    reference="k/k pkg/proxy/metaproxier OnEndpointSliceAdd, EndpointSliceUpdate",
)
def test_slices_of_other_kinds(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    health_port: Callable[[Service], HealthPort],
) -> None:
    """Slices of the other family or of domain names do not count, and hold up no good one."""
    pods, client = workloads.pods(3, on=nodes), clients.pod(nodes[0])
    service = load_balancer(workloads, app=None, externalTrafficPolicy="Local")
    slices, other, port = Slices(service), OTHER[family], health_port(service)
    slices.write("other", endpoints(pods[:1], other), address_type=other.replace("ipv", "IPv"))
    slices.write("names", [endpoint("backend.example.com")], address_type="FQDN")
    check.refuses(client, service.target())
    slices.write("good", endpoints(pods[1:], family))
    check.reaches(client, service.target(), pods[1:])
    # The kernel takes no other family's server in IPVS mode, but kube-proxy would count it.
    local = sum(pod.node == nodes[0].name for pod in pods[1:])
    port.says(nodes[0], 200 if local else 503, local=local)
    slices.write("other", endpoints(pods, other))
    slices.write("good", endpoints(pods[1:2], family))
    check.reaches(client, service.target(), pods[1:2])
    slices.delete("other")
    slices.delete("names")
    slices.write("good", endpoints(pods, family))
    check.reaches(client, service.target(), pods)


@case(
    "SVC-021",
    feature=("slices", "terminating"),
    requires=BY_HAND,
    known_bug=SHARED_ADDRESS,
    reference="k/k #135266, #135593",
)
@pytest.mark.parametrize("dead_first", [True, False], ids=["dead first", "dead last"])
@pytest.mark.parametrize("apart", [True, False], ids=["two slices", "one slice"])
def test_address_of_a_dead_pod_reused(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    *,
    dead_first: bool,
    apart: bool,
) -> None:
    """An address listed as a dead pod's and as a living one's is served: it is the living one's."""
    pods = workloads.pods(1, on=nodes[0])
    client, service = clients.pod(nodes[0]), workloads.service(app=None)
    slices = Slices(service)
    living, dead = endpoints(pods, family), endpoints(pods, family, **DEAD)
    both = [dead, living] if dead_first else [living, dead]
    if apart:
        for name, entries in zip("ab", both, strict=True):
            slices.write(name, entries)
    else:
        slices.write("a", [*both[0], *both[1]])
    check.reaches(client, service.target(), pods)
    with check.meanwhile(client, service.target()):
        # The dead pod's object goes.
        slices.write("a", [] if apart and dead_first else living)
        if apart:
            slices.write("b", living if dead_first else [])
        check.reaches(client, service.target(), pods)


@case(
    "SVC-028",
    feature=("ignored objects", "slices"),
    requires=BY_HAND,
    reference=f"{SERVICE}, implement service.kubernetes.io/headless; k/k #126769",
)
def test_headless_label(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """A slice labelled as one of a headless Service does not count while it has the label."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service(app=None)
    slices = Slices(service)
    slices.write("marked", endpoints(pods[1:], family), labels={HEADLESS: ""})
    slices.write("plain", endpoints(pods[:1], family))
    check.reaches(client, service.target(), pods[:1])
    slices.label("marked", {HEADLESS: None})
    check.reaches(client, service.target(), pods)
    with check.meanwhile(client, service.target()):
        slices.label("marked", {HEADLESS: ""})
        check.reaches(client, service.target(), pods[:1])
    slices.label("plain", {HEADLESS: ""})
    check.refuses(client, service.target())
