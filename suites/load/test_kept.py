"""What kube-proxy keeps although it is over, and what it looks through although it need not."""

from __future__ import annotations

import math
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from fixtures.bulk import Bulk
from fixtures.case import case
from fixtures.commands import must
from fixtures.slices import PORTS, endpoints
from fixtures.usage import usage
from suites.oracles.verdict import Judgement, require, right, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.clients import Client
    from fixtures.kernel_state import KernelState
    from fixtures.kube import Kube
    from fixtures.metrics import Metrics
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.record import Recorder
    from fixtures.workloads import Pod, Service, Workloads
    from suites.check import Check
    from suites.oracles.budgets import Budgets

ROUNDS = 5
COME_AND_GO = {"iptables": 200, "nftables": 200, "ipvs": 60}
"""Services a round; an IPVS sync starts tools for each."""

FLOWS, CHANGES = 60_000, 6
ENOUGH = 0.9
FLOW_SECONDS = 120
SINK = 50_053
WEB = ({"name": "tcp", "protocol": "TCP", "port": 80, "targetPort": 8080},)
TCP = ({"name": "tcp", "protocol": "TCP", "port": 8080},)

UDP_TIMEOUT = "net.netfilter.nf_conntrack_udp_timeout"
SCANS = "kubeproxy_conntrack_reconciler_sync_duration_seconds_count"

FILL = """
import socket, sys
count, port = map(int, sys.argv[1:])
# Nobody reads from it, so what does not fit is dropped without an error.
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("0.0.0.0", port))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(count):
    sender.sendto(b"x", (f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", port))
"""


@case(
    "LOAD-014",
    feature=("resources", "memory"),
    profile="load",
    level="extended",
    requires=("hand-made-endpoints", "node-access", "proxy-restart"),
    reference="k/k#128928",
    disruptive=True,
)
def test_nothing_is_kept_of_what_has_gone(
    cluster: Cluster,
    kube: Kube,
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    metrics: Metrics,
    check: Check,
    budgets: Budgets,
    family: Family,
    recorder: Recorder,
) -> None:
    """A Service that has come and gone leaves nothing behind in kube-proxy's memory."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(1, on=nodes[0])
    proxies.configure([node], {"enableProfiling": True})
    service = workloads.service()
    count = COME_AND_GO[node.spec.mode]
    heaps = []
    for _ in range(ROUNDS):
        bulk = Bulk(kube, workloads.namespace, family, cluster.direct)
        bulk.grow(count)
        workloads.until_settled("they are there")
        bulk.clear()
        workloads.until_settled("they are gone")
        heaps.append(metrics.heap(node))
    check.reaches(client, service.target(), pods)
    # The first round fills caches and lets maps grow to their size.
    kept = (heaps[-1] - heaps[1]) / (count * (ROUNDS - 2))
    recorder.observe("bytes in use after each round", heaps)
    recorder.figure("bytes kept of a Service that has gone", max(0.0, kept), "B")
    require(budgets.get("kept", "bytes of each Service that has gone").judge(kept))


@case(
    "LOAD-015",
    feature=("resources", "conntrack"),
    profile="load",
    level="extended",
    requires=("hand-made-endpoints", "node-access", "own-kernel"),
    reference="k/k#129982",
    disruptive=True,
)
def test_flows_are_not_looked_through_in_vain(
    cluster: Cluster,
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    metrics: Metrics,
    kernel_state: KernelState,
    check: Check,
    budgets: Budgets,
    family: Family,
    recorder: Recorder,
) -> None:
    """A change of TCP endpoints costs as much with many flows in the node as with few.

    Only a change of UDP endpoints makes entries of conntrack stale.
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[0])
    service = workloads.service(app=None, ports=WEB)
    known = tells_scans(workloads.service("with-udp", app=None), pods, check, client, metrics, node)

    def cost() -> float:
        """Return the CPU seconds of a change."""
        before = usage(cluster, node).cpu
        for number in range(CHANGES):
            chosen = pods[number % 2 :][:1]
            service.set_endpoints(endpoints(chosen, family), ports=TCP)
            check.reaches(client, service.target(), chosen)
            workloads.until_settled("the change is synced")
        return (usage(cluster, node).cpu - before) / CHANGES

    cost()
    scans, without = scanned(metrics, node), cost()
    with many_flows(cluster, kernel_state, node) as flows:
        found = cost()
    scans = scanned(metrics, node) - scans
    recorder.observe("flows", flows)
    recorder.observe("CPU seconds of a change", {"few flows": without, "many flows": found})
    times = found / without if without else math.inf
    recorder.figure("CPU of a change with many flows / few", times, "times")
    cpu = budgets.get("kept", f"CPU of a change with {FLOWS:,} flows, as of one with few")
    require(in_vain(scans) if known else cpu.judge(times))


def tells_scans(
    service: Service,
    pods: Sequence[Pod],
    check: Check,
    client: Client,
    metrics: Metrics,
    node: Node,
) -> bool:
    """Tell whether kube-proxy counts its looks through conntrack, as from 1.33 on.

    It shows no counter before the first look, which UDP endpoints that change make it take.
    """
    for chosen in (pods, pods[:1]):
        service.set_endpoints(endpoints(chosen, service.family), ports=PORTS)
        check.reaches(client, service.target("udp"), chosen)
        check.until_settled(client, service.target("udp"))
    return scanned(metrics, node) > 0


def in_vain(scans: float) -> Judgement:
    """Judge kube-proxy's own count of looks through conntrack."""
    said = f"{2 * CHANGES} changes of TCP endpoints took {scans:.0f} looks through conntrack"
    return wrong(f"{said}; none is right") if scans else right(said)


def scanned(metrics: Metrics, node: Node) -> float:
    """Return how often kube-proxy says that it looked through conntrack."""
    return math.fsum(metrics.samples(node).get(SCANS, {}).values())


@contextmanager
def many_flows(cluster: Cluster, state: KernelState, node: Node) -> Iterator[int]:
    """Have the node remember many flows during the body, which it forgets by itself later."""
    before = state.sysctl(node, UDP_TIMEOUT)
    state.set_sysctl(node, UDP_TIMEOUT, FLOW_SECONDS)
    try:
        fill = [sys.executable, "-I", "-S", "-c", FILL, str(FLOWS), str(SINK)]
        must(cluster, node, fill, timeout=90)
        flows = state.sysctl(node, "net.netfilter.nf_conntrack_count")
        if flows < ENOUGH * FLOWS:
            raise TestbedError(f"{node.name} remembers only {flows} of {FLOWS} flows")
        yield flows
    finally:
        state.set_sysctl(node, UDP_TIMEOUT, before)
