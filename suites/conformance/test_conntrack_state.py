"""What kube-proxy makes the kernel do with TCP packets and timeouts, and with SCTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.boom import Boom
from fixtures.case import case
from fixtures.conntrack import entries_of
from fixtures.reconfigure import reconfigured, sysctl
from suites.flows import goes_on
from suites.judges import unbroken
from suites.oracles.verdict import Judgement, require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.workloads import Workloads
    from suites.check import Check

RESTART = ("proxy-restart", "node-access")
TIMEOUT = "net.netfilter.nf_conntrack_tcp_timeout_close_wait"
LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"
KERNEL_DEFAULT = 60
"""Seconds of CLOSE_WAIT without kube-proxy: nf_conntrack_proto_tcp.c."""


@case(
    "CT-009",
    feature="conntrack",
    level="extended",
    modes=("iptables", "nftables"),
    min_nodes=2,
    requires=RESTART,
    reference="k/k test/e2e/network/conntrack.go, drop INVALID; #74839",
    disruptive=True,
)
def test_invalid_packets(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    family: Family,
    mode: str,
) -> None:
    """A connection survives packets that conntrack calls INVALID.

    They are not translated, so the client would see a stranger's and answer with RST, which the
    server believes. iptables mode drops them; nftables mode has tcpBeLiberal for it, with which no
    packet but RST is INVALID. In IPVS mode IPVS itself translates them, whatever conntrack says.
    """
    here, there = nodes[0], nodes[1]
    pods = workloads.pods(1, on=there)
    liberal = {"conntrack": {"tcpBeLiberal": mode == "nftables"}}
    with sysctl(cluster, here, LIBERAL, "0"), reconfigured(cluster, [here], liberal):
        client, target = clients.pod(here), workloads.service().target()
        check.reaches(client, target, pods)
        boom = Boom(cluster, there, pods[0].addresses[family], 8080)
        running = client.start(target, rate=20, duration=60, timeout=2.0, reuse=True)
        sent = boom.throw(20)
        check.until("the connection goes on", lambda: goes_on(running, sent), within=20)
        require(unbroken(running.stop(), "past packets out of every window"))


@case(
    "CT-010",
    feature="conntrack",
    level="extended",
    requires=RESTART,
    reference="k/k test/e2e/network/kube_proxy.go, set TCP CLOSE_WAIT timeout",
    disruptive=True,
)
def test_close_wait_timeout(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    check: Check,
    recorder: Recorder,
    family: Family,
) -> None:
    """A connection that its server does not close is remembered for tcpCloseWaitTimeout, 1 h.

    Which is the default, but not where kind configures kube-proxy.
    """
    here = nodes[0]
    pods = workloads.pods(1, on=nodes[-1])
    client, target = clients.pod(here), workloads.service().target()
    hour = {"conntrack": {"tcpCloseWaitTimeout": "1h"}}
    with sysctl(cluster, here, TIMEOUT, str(KERNEL_DEFAULT)), reconfigured(cluster, [here], hour):
        check.reaches(client, target, pods)
        # Connections that nobody accepts are closed by the client, and never by the server.
        pods[0].client.agent.pause(8080, "tcp")
        client.probe(target, 1, timeout=check.timeouts.drop, close="fin")

        def remembered() -> Judgement:
            found = entries_of(cluster, here, family, "tcp", dst=target.host, dport=target.port)
            waiting = [entry.timeout for entry in found if entry.state == "CLOSE_WAIT"]
            return Judgement(
                any(3500 < seconds <= 3600 for seconds in waiting),
                f"connections in CLOSE_WAIT are remembered for {waiting} s; it should be 3600 s",
            )

        check.until("the connection is in CLOSE_WAIT", remembered, within=5)
        recorder.seen()


@case(
    "CT-011",
    feature=("conntrack", "SCTP"),
    level="extended",
    min_nodes=2,
    requires=("sctp",),
    reference="k/k pkg/proxy/conntrack/cleanup.go",
)
def test_new_sctp_associations(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    observe: Callable[[str, object], None],
) -> None:
    """New SCTP associations go to the new endpoint when the old one is replaced.

    From a port that had an association less than 10 s ago (nf_conntrack_sctp_timeout_closed) they
    may still go to the old one, in iptables and nftables mode: kube-proxy clears UDP entries only.
    Open associations prove nothing, as they may end without any change: each end tells the other
    its own addresses (RFC 9260 section 5.1.2), and heartbeats to those pass the translation by.
    """
    sctp = {"name": "sctp", "protocol": "SCTP", "port": 80, "targetPort": 8080}
    old = workloads.pods(1, on=nodes[1], serve=["sctp:8080"])
    client, target = clients.pod(nodes[0]), workloads.service(ports=[sctp]).target("sctp")
    recycled = client.source_ports.keep()
    check.reaches(client, target, old)
    client.probe(target, 1, timeout=check.timeouts.answer, source_ports=recycled)
    new = workloads.pods(1, on=nodes[0], serve=["sctp:8080"], gated=True)
    workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
    new[0].set_ready(True)
    check.reaches(client, target, new)
    again = client.probe(target, 1, timeout=check.timeouts.answer, source_ports=recycled)
    observe("a recycled port reaches the old endpoint", old[0].identity in again.by_backend())
