"""Links that damage or hold up packets, lead to some only, or change their address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.link_faults import AddressChanged, Corrupted, Narrow, NodesApart

if TYPE_CHECKING:
    from fixtures.proxies import Proxies
    from suites.chaos.site import Site

NEEDS = ("hand-made-endpoints", "outside-client", "node-access")
SHORT = "2s"
"""A syncPeriod: IPVS mode learns of the node's addresses at a sync, and nobody asks for one."""

AWAY = 77 * 256
"""How far the other address is: beyond all nodes of a cluster, and before all outside clients."""


@case(
    "CHA-027",
    feature="partition",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=NEEDS,
    reference="Jepsen's nemesis; k/k pkg/proxy/endpointslicecache.go",
    disruptive=True,
)
def test_two_nodes_apart(site: Site) -> None:
    """Between two nodes that lose each other's packets none is refused, and each serves its own.

    Both learn of all changes meanwhile. kube-proxy checks no endpoint by itself, so that part of
    the connections goes to the other side and is lost there.
    """
    with site.nemesis.during(NodesApart(site.victim.name, site.other.name)) as apart:
        for node in (site.other, site.victim, site.other):
            site.until_seen(site.swap(on=node), {node.name})
    unreached = site.experiment.allow(apart.and_backoff())
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(unreached=[unreached], excused=[apart], ways={"timeout"})


@case(
    "CHA-028",
    feature="packet damage",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "netem"),
    reference="tc-netem(8) corrupt; net/netfilter/nf_conntrack_proto_tcp.c tcp_error",
    disruptive=True,
)
def test_damaged_packets(site: Site) -> None:
    """Packets with a wrong bit reach nobody as right ones, and all is well when there are none."""
    with site.nemesis.during(Corrupted(site.victim.name)) as bad:
        for _ in range(3):
            site.until_seen(site.swap())
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[bad], excused=[bad])


@case(
    "CHA-029",
    feature="packet loss",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=(*NEEDS, "netem"),
    reference="tc-tbf(8)",
    disruptive=True,
)
def test_narrow_link(site: Site) -> None:
    """Behind a link that is too narrow for all, packets still reach the right pods only."""
    with site.nemesis.during(Narrow(site.victim.name)) as narrow:
        for _ in range(3):
            site.until_seen(site.swap(), {site.other.name})
    deaf = site.experiment.allow(narrow.and_backoff())
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[deaf], excused=[narrow])


@case(
    "CHA-039",
    feature=("node address", "NodePort"),
    profile="chaos",
    level="extended",
    modes=("iptables", "ipvs"),
    min_nodes=2,
    requires=(*NEEDS, "pod-routes", "proxy-restart"),
    reference="k/k pkg/proxy/util/nodeport_addresses.go; net/netfilter/nf_nat_masquerade.c",
    disruptive=True,
)
def test_another_address(proxies: Proxies, site_later: Site) -> None:
    """A node that gets another address serves NodePorts there, and where it was when it is back.

    With the address go the open connections that were masqueraded with it. nftables mode serves at
    the addresses of the Node object, whose change ends kube-proxy (LIFE-012).
    """
    site = site_later
    proxies.set_periods([site.victim], sync=SHORT)
    site.begin()
    here = site.members.service.node_target(site.victim)
    there = replace(here, host=str(ip_address(here.host) + AWAY))
    client = site.clients.outside()
    with site.nemesis.during(AddressChanged(site.victim.name, there.host)) as changed:
        site.experiment.until(
            f"{site.victim.name} serves at {there}",
            lambda: set(client.probe(there, 3).outcome) == {"ok"},
            within=site.experiment.bound,
        )
    deaf = site.experiment.allow(changed.and_backoff())
    site.until_seen(site.swap())
    site.experiment.go_on(3)
    site.judge(deaf=[deaf], excused=[changed], flows_excused=[changed])
