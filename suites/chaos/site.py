"""What most experiments begin with: five pods on two nodes, a Service of three, and its loads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fixtures.history import Span
from suites.chaos.judging import Excuses
from suites.chaos.members import Members

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from clusters.protocol import Node
    from fixtures.nemesis import Nemesis
    from fixtures.provide import Clients
    from fixtures.workloads import Pod, Workloads
    from suites.chaos.experiment import Experiment

PODS, MEMBERS, FLOWS = 5, 3, 2
UDP_FLOW = "UDP flow"
"""A flow that follows the endpoints: kube-proxy makes kernels forget those to a removed one."""


class Site:
    """A Service with loads near each of two nodes; `victim` is the node that faults are for.

    The loads near the victim come from outside of the cluster, so that what becomes of the victim
    does not end them.
    """

    def __init__(
        self,
        experiment: Experiment,
        workloads: Workloads,
        clients: Clients,
        nodes: Sequence[Node],
    ) -> None:
        self.experiment = experiment
        self.workloads = workloads
        self.clients = clients
        self.other, self.victim = nodes[0], nodes[1]
        self.pods = workloads.pods(PODS, on=nodes[:2])
        self.members = Members(workloads, experiment.history, self.pods[:MEMBERS])
        self._swaps = itertools.count()
        self.joined: Pod = self.pods[0]
        self.joined_by = Span("", "change", 0.0)

    @property
    def nemesis(self) -> Nemesis:
        """Makes the faults."""
        return self.experiment.nemesis

    def restart_proxies(self) -> None:
        """Have kube-proxies that have not missed the API server yet.

        A watch that failed within the last two minutes waits the longer after its next failure.
        """
        cluster = self.experiment.cluster
        for node in (self.other, self.victim):
            cluster.stop_proxy(node)
            cluster.start_proxy(node)

    def begin(self, *, udp_flow: bool = True) -> None:
        """Begin the loads, wait until all are answered, and measure a change in peace."""
        experiment, service = self.experiment, self.members.service
        near, outside = self.clients.pod(self.other), self.clients.outside()
        by_victim = service.node_target(self.victim)
        experiment.load("pod", near, service.target(), self.other)
        experiment.load("outside", outside, by_victim, self.victim)
        experiment.load("UDP", outside, service.node_target(self.victim, "udp"), self.victim)
        # A flow that begins while nodes are half programmed may hang for its whole timeout.
        experiment.until_answered()
        for number in range(1, FLOWS + 1):
            experiment.flow(f"flow {number}", near, service.target(), self.other)
            experiment.flow(f"outside flow {number}", outside, by_victim, self.victim)
        if udp_flow:
            by_udp = service.node_target(self.victim, "udp")
            experiment.flow(UDP_FLOW, outside, by_udp, self.victim)
        for pod in self.pods[:2]:
            experiment.control(f"past, to {pod.node}", outside, pod)
        experiment.until_served()
        experiment.calibrate(self.members, self.pods[-1])

    def swap(self, on: Node | None = None) -> Span:
        """Put a pod that is no endpoint, in turn, in the place of the first that is.

        With `on` a pod of that node: one that cannot be reached would be waited for in vain.
        """
        members = self.members.now
        out = [
            pod for pod in self.pods if pod not in members and (on is None or pod.node == on.name)
        ]
        self.joined = out[next(self._swaps) % len(out)]
        self.joined_by = self.members.swap(members[0], self.joined)
        return self.joined_by

    def leave_udp_flow(self) -> None:
        """Have other endpoints than the one that the UDP flow is at, for as long as it may stay."""
        self.avoid_udp_flow()
        self.experiment.go_on(self.experiment.bound + 2)

    def avoid_udp_flow(self) -> None:
        """Have other endpoints than the one that the UDP flow is at."""
        load = next(load for load in self.experiment.history.loads if load.name == UDP_FLOW)
        latest = [one.backend for part in load.attempts[-3:] for one in part if one.backend]
        left = [pod for pod in self.pods if pod.identity not in latest[-1:]]
        self.members.set(left[:MEMBERS])

    def until_health(self, status: int, *, within: float) -> None:
        """Wait until the victim's kube-proxy says so of itself at /healthz."""
        victims, name = self.nemesis.victims, self.victim.name
        self.experiment.until(
            f"/healthz of {name} says {status}",
            lambda: victims.health(name).status == status,
            within=within,
        )

    def until_back(self, change: Span) -> None:
        """Wait until all endpoints that there are now are reached since a change."""
        for pod in self.members.now:
            self.experiment.until_seen(pod, change)

    def until_seen(self, change: Span, nodes: Collection[str] = ()) -> float:
        """Wait until the loads near these nodes (all) reach the pod that joined last."""
        return self.experiment.until_seen(self.joined, change, nodes)

    def judge(
        self,
        *,
        deaf: Sequence[Span] = (),
        deaf_all: Sequence[Span] = (),
        excused: Sequence[Span] = (),
        excused_near: Sequence[Span] = (),
        flows_excused: Sequence[Span] = (),
        unreached: Sequence[Span] = (),
        ways: Collection[str] = (),
    ) -> None:
        """End the loads and judge.

        The victim is `deaf` to changes during these faults, and connections that go by it may fail
        during `excused_near`; `deaf_all`, `unreached` and `excused` are for both nodes. What is
        excused may fail in these `ways`, by default in any.
        """
        excuses = Excuses(
            deaf={self.victim.name: [*deaf, *deaf_all], self.other.name: deaf_all},
            unreached={self.victim.name: unreached, self.other.name: unreached},
            excused=excused,
            near={self.victim.name: excused_near},
            flows=flows_excused,
            ways=ways,
            returns_cut=self.victim.spec.mode == "ipvs",
        )
        self.experiment.judge(self.members.ever, excuses)
