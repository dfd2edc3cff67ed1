"""kube-proxy's own account of itself when something is wrong, with the node or with itself."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST
from fixtures.case import case
from fixtures.churn import flip_affinity, repeating
from fixtures.clients import Target
from fixtures.stuck import impatient, stuck
from suites.answers import Answers
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Service, Workloads
    from suites.check import Check

HEALTH = "k/k pkg/proxy/healthcheck/proxy_health.go"
TAINT = "ToBeDeletedByClusterAutoscaler"
OK, UNAVAILABLE = 200, 503
EVERY = 0.5
"""Seconds between changes: far less than a kube-proxy needs to call itself unhealthy."""


def eligible(body: str, *, right: bool) -> bool:
    """Accept the answer of a healthy kube-proxy on a node that is `right`ly eligible or not."""
    said = json.loads(body)
    return said.get("nodeEligible") is right and said.get("healthy", True) is True


class Health:
    """Waits for what kube-proxy on one node says of each address family."""

    def __init__(self, answers: Answers, check: Check, node: Node) -> None:
        self.answers = answers
        self.check = check
        self.node = node

    def says(self, right: Mapping[Family, bool]) -> None:
        """Wait until both answers name just these families, and each as healthy or not."""
        names = {family.replace("ipv", "IPv"): healthy for family, healthy in right.items()}
        status = OK if all(right.values()) else UNAVAILABLE

        def accept(body: str) -> bool:
            said = json.loads(body)
            if "status" not in said:
                # Before it was told by family, the code alone said it.
                return True
            seen = {name: one["healthy"] for name, one in said["status"].items()}
            return seen == names and said["healthy"] is all(names.values())

        for path in ("/healthz", "/livez"):
            self.check.until(
                f"{path} of {self.node.name} says {status}",
                partial(
                    self.answers.judge,
                    self.node,
                    KUBE_PROXY_HOST,
                    HEALTHZ_PORT,
                    path,
                    status=status,
                    body=accept,
                ),
                within=self.check.timeouts.programmed,
            )


def of_family(workloads: Workloads, family: Family, name: str, **spec: Any) -> Service:
    """Return a Service with an address of one family only, be it the run's or not."""
    return workloads.service(name, ipFamilies=[family.replace("ipv", "IPv")], **spec)


def at(service: Service) -> Target:
    """Return the only ClusterIP of a Service as a target."""
    return Target(service.spec["clusterIP"], service.port("tcp")["port"])


@contextmanager
def tainted(kube: Kube, node: Node, key: str) -> Iterator[None]:
    """Give the Node a taint during the body."""
    path = f"/api/v1/nodes/{node.name}"
    before = kube.get(path)["spec"].get("taints") or []
    kube.patch(path, {"spec": {"taints": [*before, {"key": key, "effect": "NoSchedule"}]}})
    try:
        yield
    finally:
        kube.patch(path, {"spec": {"taints": before or None}})


@case(
    "HLT-005",
    feature="health",
    level="extended",
    profile="readiness",
    reference=f"{HEALTH}; KEP-3836",
    disruptive=True,
)
def test_node_about_to_be_deleted(
    nodes: Sequence[Node],
    kube: Kube,
    cluster: Cluster,
    recorder: Recorder,
    until: Until,
    timeouts: Timeouts,
) -> None:
    """A node tainted for its deletion is not eligible, and back when the taint is gone.

    /livez is about kube-proxy alone and stays 200.
    """
    answers, node = Answers(cluster, recorder), nodes[-1]
    ask = partial(answers.judge, node, KUBE_PROXY_HOST, HEALTHZ_PORT)

    def says(status: int) -> None:
        body = partial(eligible, right=status == OK)
        until(
            f"/healthz of {node.name} says {status}",
            lambda: ask("/healthz", status=status, body=body),
            within=timeouts.programmed,
        )
        require(ask("/livez"))

    for _ in range(2):
        with tainted(kube, node, "proxyproof.dev/other"):
            says(OK)
            with tainted(kube, node, TAINT):
                says(UNAVAILABLE)
            says(OK)
    require(answers.judge(nodes[0], KUBE_PROXY_HOST, HEALTHZ_PORT, "/healthz"))


@case(
    "HLT-002",
    feature="health",
    level="extended",
    profile="readiness",
    requires=("proxy-restart", "node-access"),
    reference=f"{HEALTH}; k/k #118146",
    disruptive=True,
)
@pytest.mark.parametrize("broken", ["ipv6", "ipv4"])
def test_one_family_is_stuck(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    check: Check,
    broken: Family,
) -> None:
    """A kube-proxy of which one family is stuck says which, programs the other, and heals."""
    node, client = nodes[0], clients.pod(nodes[0])
    pods = workloads.pods(2, on=nodes[:2])
    other: Family = "ipv4" if broken == "ipv6" else "ipv6"
    health = Health(Answers(cluster, recorder), check, node)
    with impatient(cluster, node):
        health.says({broken: True, other: True})
        victim = of_family(workloads, broken, "victim", sessionAffinity="ClientIP")
        check.reaches(client, at(victim), pods, every_pod=False)
        with stuck(cluster, node, broken, victim, check.until):
            health.says({broken: False, other: True})
            check.reaches(client, at(of_family(workloads, other, "fine")), pods)
            late = of_family(workloads, broken, "late")
        health.says({broken: True, other: True})
        check.reaches(client, at(late), pods)


@case(
    "HLT-006",
    feature="health",
    level="extended",
    profile="readiness",
    requires=("proxy-restart", "node-access"),
    reference=f"{HEALTH}, QueuedUpdate",
    disruptive=True,
)
def test_stuck_among_changes(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    check: Check,
    family: Family,
) -> None:
    """A kube-proxy that is stuck says so, however many more changes arrive meanwhile."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(1, on=nodes[0])
    health = Health(Answers(cluster, recorder), check, node)
    other: Family = "ipv4" if family == "ipv6" else "ipv6"
    busy = of_family(workloads, family, "busy")
    with impatient(cluster, node):
        health.says({family: True, other: True})
        victim = of_family(workloads, family, "victim", sessionAffinity="ClientIP")
        check.reaches(client, at(victim), pods)
        change = partial(flip_affinity, busy)
        with repeating(change, every=EVERY), stuck(cluster, node, family, victim, check.until):
            health.says({family: False, other: True})
        health.says({family: True, other: True})
        check.reaches(client, at(busy), pods)
