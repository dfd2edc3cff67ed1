"""Which cases judge the same behaviour as which of upstream's specs.

The specs are those of k/k test/e2e/network/service.go, by their texts without suite and labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = "[sig-network] Services"

API = "nothing of it is kube-proxy's: objects, allocators and their status"
CONTROLLER = "which endpoints there are is the EndpointSlice controller's to say; no case asks"
EXTERNAL_NAME = "no case changes the type from or to ExternalName, which is a name server's affair"

_LABELS = re.compile(r"\s*\[[^\]]*\]\s*$")


@dataclass(frozen=True, slots=True)
class Spec:
    """One of upstream's specs: the cases that judge what it judges, or why there are none.

    `skip` is the reason for which it is not even run here.
    """

    text: str
    cases: tuple[str, ...] = ()
    why: str = ""
    skip: str = ""


SPECS = (
    Spec("should provide secure master service", why=API),
    Spec("should serve a basic endpoint from pods", ("SVC-014",)),
    Spec("should serve multiport endpoints from pods", ("SVC-009",)),
    Spec("should be updated after adding or deleting ports", ("SVC-011",)),
    Spec("should preserve source pod IP for traffic thru service cluster IP", ("SVC-006",)),
    Spec("should allow pods to hairpin back to themselves through services", ("SVC-007",)),
    Spec("should be able to up and down services", ("SVC-022", "SVC-023")),
    Spec("should work after the service has been recreated", ("SVC-023", "SVC-039")),
    Spec("should work after restarting kube-proxy", ("LIFE-001",)),
    Spec(
        "should work after restarting apiserver",
        skip="disruptive: the API server of a kind cluster is its kubelet's to restart, and "
        "LIFE-005, which judges it, runs on embedded clusters only",
    ),
    Spec("should be able to create a functioning NodePort service", ("NP-001",)),
    Spec(
        "should be possible to connect to a service via ExternalIP when the external IP is not "
        "assigned to a node",
        ("EXT-001",),
    ),
    Spec(
        "should be able to update service type to NodePort listening on same port number but "
        "different protocols",
        ("SVC-010", "SVC-024"),
    ),
    Spec("should be able to change the type from ExternalName to ClusterIP", why=EXTERNAL_NAME),
    Spec("should be able to change the type from ExternalName to NodePort", why=EXTERNAL_NAME),
    Spec("should be able to change the type from ClusterIP to ExternalName", why=EXTERNAL_NAME),
    Spec("should be able to change the type from NodePort to ExternalName", why=EXTERNAL_NAME),
    Spec("should prevent NodePort collisions", why=API),
    Spec("should check NodePort out-of-range", why=API),
    Spec("should release NodePorts on delete", ("NP-004",)),
    Spec("should create endpoints for unready pods", ("NEP-005",)),
    Spec(
        "should be able to connect to terminating and unready endpoints if "
        "PublishNotReadyAddresses is true",
        ("NEP-005",),
    ),
    Spec(
        "should not be able to connect to terminating and unready endpoints if "
        "PublishNotReadyAddresses is false",
        ("TRM-006",),
    ),
    Spec("should have session affinity work for service with type clusterIP", ("AFF-001",)),
    Spec("should have session affinity timeout work for service with type clusterIP", ("AFF-004",)),
    Spec("should be able to switch session affinity for service with type clusterIP", ("AFF-003",)),
    Spec("should have session affinity work for NodePort service", ("AFF-002",)),
    Spec(
        "should have session affinity timeout work for NodePort service",
        why="AFF-004 lets affinity run out at a ClusterIP only",
    ),
    Spec("should be able to switch session affinity for NodePort service", ("AFF-002",)),
    Spec("should implement service.kubernetes.io/service-proxy-name", ("SVC-027",)),
    Spec("should implement service.kubernetes.io/headless", ("SVC-028",)),
    Spec("should be rejected when no endpoints exist", ("NEP-001",)),
    Spec(
        "should be rejected for evicted pods (no endpoints exist)",
        why="NEP-004, which judges it, says of pods what a real kubelet puts right at once",
    ),
    Spec("should respect internalTrafficPolicy=Local Pod to Pod", ("ITP-001", "ITP-002")),
    Spec(
        "should respect internalTrafficPolicy=Local Pod (hostNetwork: true) to Pod",
        ("ITP-001", "ITP-002"),
    ),
    Spec(
        "should respect internalTrafficPolicy=Local Pod and Node, to Pod (hostNetwork: true)",
        ("ITP-006",),
    ),
    Spec("should support externalTrafficPolicy=Local for type=NodePort", ("ETP-001", "ETP-002")),
    Spec(
        "should fail health check node port if there are only terminating endpoints", ("ETP-006",)
    ),
    Spec(
        "should fallback to terminating endpoints when there are no ready endpoints with "
        "internalTrafficPolicy=Cluster",
        ("TRM-001",),
    ),
    Spec(
        "should fallback to local terminating endpoints when there are no ready endpoints with "
        "internalTrafficPolicy=Local",
        ("TRM-002",),
    ),
    Spec(
        "should fallback to terminating endpoints when there are no ready endpoints with "
        "externallTrafficPolicy=Cluster",
        ("TRM-003",),
    ),
    Spec(
        "should fallback to local terminating endpoints when there are no ready endpoints with "
        "externalTrafficPolicy=Local",
        ("TRM-004",),
    ),
    Spec("should find a service from listing all namespaces", why=API),
    Spec("should test the lifecycle of an Endpoint", why=API),
    Spec("should complete a service status lifecycle", why=API),
    Spec("should delete a collection of services", why=API),
    Spec("should serve endpoints on same port and different protocols", ("SVC-010",)),
    Spec(
        "should serve endpoints on same port and different protocol for internal traffic on Type "
        "LoadBalancer",
        ("SVC-010",),
    ),
    Spec(
        "should allow creating a basic SCTP service with pod and endpoints",
        why="it sends nothing: it looks whether the kernel's SCTP was loaded",
    ),
    Spec(
        "should implement NodePort and HealthCheckNodePort correctly when ExternalTrafficPolicy "
        "changes",
        ("ETP-004", "ETP-005"),
    ),
    Spec("should connect to the ports exposed by restartable init containers", why=CONTROLLER),
    Spec(
        "should connect to the named ports exposed by restartable init containers", why=CONTROLLER
    ),
    Spec(
        "should support named targetPorts that resolve to different ports on different endpoints",
        ("SVC-009",),
    ),
)


def text_of(name: str) -> str:
    """Return a spec's text from its name in a report, "" for what is none of the suite's.

    `[It] [sig-network] Services should be rejected when no endpoints exist [sig-network]` is
    "should be rejected when no endpoints exist".
    """
    _, found, text = name.partition(f"{SUITE} ")
    if not found:
        return ""
    while (shorter := _LABELS.sub("", text)) != text:
        text = shorter
    return text.strip()


def focus(specs: Sequence[Spec] = ()) -> str:
    """Return the regular expression that selects these specs, or for none the suite."""
    texts = "|".join(re.escape(spec.text) for spec in specs)
    # A spec's text may be the beginning of another's, and labels may follow it.
    return f"{re.escape(SUITE)} (?:{texts})(?: *\\[| *$)" if texts else f"{re.escape(SUITE)} "


def skip() -> str:
    """Return the regular expression of what is not run here, "" where all is."""
    return "|".join(re.escape(f"{SUITE} {spec.text}") for spec in SPECS if spec.skip)
