"""What kube-proxy makes the kernel do with TCP packets and timeouts, and with SCTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.boom import Boom
from fixtures.case import case
from fixtures.conntrack import entries_of
from fixtures.reconfigure import reconfigured, sysctl
from suites.flows import goes_on
from suites.judges import same_backends, unbroken
from suites.oracles.verdict import Judgement, require

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """A connection that its server does not close is remembered for tcpCloseWaitTimeout, 1 h."""
    here = nodes[0]
    pods = workloads.pods(1, on=nodes[-1])
    client, target = clients.pod(here), workloads.service().target()
    with sysctl(cluster, here, TIMEOUT, str(KERNEL_DEFAULT)), reconfigured(cluster, [here], {}):
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
    modes=("iptables", "nftables"),
    min_nodes=2,
    reference="k/k pkg/proxy/conntrack/cleanup.go",
)
def test_sctp_association_stays(
    workloads: Workloads, clients: Clients, nodes: Sequence[Node], check: Check
) -> None:
    """An SCTP association, like a TCP connection, lives on with an endpoint that is taken away.

    Only UDP entries are cleared, also where a UDP port has the same number; new associations go
    to the new endpoint. In IPVS mode an association does not live on: SCTP destinations are not
    removed gracefully (IsRsGracefulTerminationNeeded in k/k pkg/proxy/ipvs/util/ipvs.go), and with
    expire_nodest_conn the next packet goes to another endpoint, which aborts it.
    """
    ports = [
        {"name": protocol.lower(), "protocol": protocol, "port": 80, "targetPort": 8080}
        for protocol in ("SCTP", "UDP")
    ]
    old = workloads.pods(1, on=nodes[1], serve=["sctp:8080", "udp:8080"])
    client, target = clients.pod(nodes[0]), workloads.service(ports=ports).target("sctp")
    check.reaches(client, target, old)
    with client.hold(target, 3, timeout=check.timeouts.answer) as held:
        new = workloads.pods(1, on=nodes[0], serve=["sctp:8080", "udp:8080"])
        workloads.kube.patch(old[0].path, {"metadata": {"labels": {"app": "retired"}}})
        check.reaches(client, target, new)
        require(same_backends(held.opened, held.check()))
