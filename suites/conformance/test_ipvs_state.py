"""What IPVS mode keeps on a node: addresses, virtual servers, timeouts, sysctls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.arp import who_has
from fixtures.case import case
from fixtures.kernel_state import DUMMY
from fixtures.reconfigure import sysctl
from suites.known_bugs import NO_REPAIR
from suites.oracles.leftovers import same_members
from suites.refusal import refusal
from suites.schedulers.ipvs import Table
from suites.vips import live_vips

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.kernel_state import KernelState
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.oracles.verdict import Judgement

PROXIER = "k/k pkg/proxy/ipvs/proxier.go"
NEEDS = ("node-access", "proxy-restart")
ARP = "net.ipv4.conf.all"


@case(
    "IPVS-001",
    feature="ipvs",
    level="extended",
    modes=("ipvs",),
    requires=("node-access",),
    reference=f"{PROXIER} cleanLegacyBindAddr",
    disruptive=True,
)
def test_addresses_are_the_vips(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    kube: Kube,
    check: Check,
    address: Callable[[], str],
) -> None:
    """kube-ipvs0 has just the addresses of the Services that there are, after each change."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])

    def exact() -> Judgement:
        bound = kernel_state.bound(node) or set()
        return same_members(f"{DUMMY} on {node.name}", bound, live_vips(kube))

    def judge(state: str) -> None:
        within = check.timeouts.programmed
        check.until(f"{DUMMY} has the addresses {state}", exact, within=within)

    outer, lb = address(), address()
    service = workloads.service(type="LoadBalancer", externalIPs=[outer])
    workloads.service("nobody", app="nobody")
    service.set_load_balancer(lb)
    check.reaches(client, service.at(lb), pods)
    judge("of new Services")
    service.set_load_balancer(lb, mode="Proxy")
    service.update(externalIPs=None)
    judge("that are left")
    service.delete()
    check.silent(client, service.target())
    judge("after a deletion")
    service.recreate(externalIPs=[outer])
    check.reaches(client, service.at(outer), pods)
    judge("of a Service that came back")


@case(
    "IPVS-002",
    feature="ipvs",
    level="extended",
    modes=("ipvs",),
    requires=NEEDS,
    reference="k/k pkg/proxy/ipvs/supported.go CanUseIPVSProxier",
    disruptive=True,
)
def test_schedulers(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    proxies: Proxies,
    check: Check,
) -> None:
    """A scheduler that the kernel lacks ends kube-proxy, another one is taken over by all Services.

    Neither fails a connection.
    """
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    target = workloads.service().target()
    check.reaches(client, target, pods)
    usual = node.spec
    with check.meanwhile(client, target):
        lacked = usual.with_config({"ipvs": {"scheduler": "no-such"}})
        refusal(lambda: proxies.use(node, lacked), "a scheduler that the kernel lacks")
        proxies.use(node, usual.with_config({"ipvs": {"scheduler": "lc"}}))
        scheduler, _ = Table(cluster, node, target, pods).read()
        assert scheduler == "lc", f"a Service from before has scheduler {scheduler}, not lc"
    later = workloads.service("later")
    check.reaches(client, later.target(), pods)


@case(
    "IPVS-003",
    feature="ipvs",
    level="extended",
    modes=("ipvs",),
    min_nodes=2,
    requires=NEEDS,
    reference=f"{PROXIER} NewProxier, k/k#59976",
    disruptive=True,
)
def test_strict_arp(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
) -> None:
    """With strictARP a node answers no ARP for a Service's address, and the Service works on."""
    node, asker, pods = nodes[0], nodes[1], workloads.pods(2, on=nodes[:2])
    v4 = workloads.service(ipFamilies=["IPv4"]).in_family("ipv4")
    service = workloads.service("own-family")
    check.reaches(clients.pod(node), service.target(), pods)
    with (
        sysctl(cluster, node, f"{ARP}.arp_ignore", "0"),
        sysctl(cluster, node, f"{ARP}.arp_announce", "0"),
    ):
        assert who_has(cluster, asker, v4.cluster_ip), "without strictARP nobody answers"
        proxies.configure([node], {"ipvs": {"strictARP": True}})
        settings = [kernel_state.sysctl(node, f"{ARP}.arp_{n}") for n in ("ignore", "announce")]
        assert settings == [1, 2], f"arp_ignore and arp_announce are {settings}, not 1 and 2"
        answered = who_has(cluster, asker, v4.cluster_ip)
        assert not answered, f"{answered} answered ARP for a ClusterIP in spite of strictARP"
        own = who_has(cluster, asker, node.addresses["ipv4"])
        assert own, f"{node.name} does not even answer ARP for its own address"
        check.reaches(clients.pod(node), service.target(), pods)


@case(
    "IPVS-004",
    feature="ipvs",
    level="extended",
    modes=("ipvs",),
    requires=NEEDS,
    reference=f"{PROXIER} NewProxier",
    disruptive=True,
)
def test_timeouts(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
) -> None:
    """The configured IPVS timeouts are the kernel's, and one that is not configured stays."""
    node, pods, target = nodes[0], workloads.pods(1), workloads.service().target()
    before, usual = kernel_state.ipvs_timeouts(node), node.spec
    wanted = {"tcpTimeout": "1000s", "tcpFinTimeout": "70s", "udpTimeout": "90s"}
    try:
        proxies.use(node, usual.with_config({"ipvs": wanted}))
        assert kernel_state.ipvs_timeouts(node) == (1000, 70, 90), kernel_state.ipvs_timeouts(node)
        check.reaches(clients.pod(node), target, pods)
        proxies.use(node, usual.with_config({"ipvs": {"tcpFinTimeout": "80s"}}))
        assert kernel_state.ipvs_timeouts(node) == (1000, 80, 90), kernel_state.ipvs_timeouts(node)
    finally:
        kernel_state.set_ipvs_timeouts(node, before)


@case(
    "IPVS-006",
    feature=("ipvs", "repair"),
    level="extended",
    modes=("ipvs",),
    requires=NEEDS,
    reference="k/k#134147",
    disruptive=True,
    known_bug=NO_REPAIR,
)
def test_resync(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    proxies: Proxies,
    kernel_state: KernelState,
    check: Check,
) -> None:
    """Whatever is deleted or added by hand is as it should be after syncPeriod, by itself."""
    node, client, pods = nodes[0], clients.pod(nodes[0]), workloads.pods(2, on=nodes[:2])
    server, destination, bound = (workloads.service(name) for name in ("a", "b", "c"))
    gone = workloads.service("gone").target()
    for service in (server, destination, bound):
        check.reaches(client, service.target(), pods)
    proxies.set_periods([node], sync="1s")
    check.until_settled(client, server.target())
    kernel_state.delete_server(node, server.target())
    kernel_state.delete_destination(node, destination.target(), pods[0].addresses)
    kernel_state.unbind(node, bound.cluster_ip)
    for service in (server, destination, bound):
        check.reaches(client, service.target(), pods)
    stale = kernel_state.add_server(node, gone.host, 4242)
    check.until(
        f"{stale}, added by hand, goes",
        lambda: stale not in kernel_state.ipvs(node),
        within=check.timeouts.programmed,
    )
