"""What the modes are documented to do differently, each with its source: no failures.

`python -m suites.differential.documented > docs/mode-differences.md` writes the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.differences import DENIED, REFUSED, SILENT, Documented

if TYPE_CHECKING:
    from suites.oracles.differences import Mode

ITSELF = "reached itself, masqueraded as node"
HERE = frozenset(
    {f"reached a pod on its node, which saw the {source}" for source in ("client", "node")}
)
THERE = frozenset(
    {f"reached a pod on another node, which saw the {source}" for source in ("client", "node")}
)
BY_TARGET = frozenset(
    {f"reached a pod on {where}, which saw the target" for where in ("its node", "another node")}
)
ANY = HERE | THERE | {ITSELF}
LEAVES = frozenset({SILENT})
REFUSES = frozenset({REFUSED})

OUTWARD = frozenset({"node-port", "external-ip", "load-balancer"})
GIVEN = frozenset({"external-ip", "load-balancer"})
CLUSTER = frozenset({"a pod", "a pod that is an endpoint", "a node"})
PODS = CLUSTER - {"a node"}
NODE = frozenset({"a node"})
UNUSED = "{} at a port that it has not"
BEFORE = "{} that it had before"
FLOW = "{}, on a flow that goes on"

IPTABLES = "k/k pkg/proxy/iptables/proxier.go"
IPVS = "k/k pkg/proxy/ipvs/proxier.go"
NFTABLES = "k/k pkg/proxy/nftables/proxier.go"
README = "k/k pkg/proxy/nftables/README.md"


def flow_stays(mode: Mode) -> Documented:
    """Say what the two modes do that translate by conntrack."""
    return Documented(
        f"In {mode} mode a UDP flow by a NodePort stays with its endpoint after the last one has "
        "ended; IPVS mode, which has no translation left, refuses",
        'k/k pkg/proxy/conntrack/cleanup.go, CleanStaleEntries ("Skip NodePort cleanup")',
        mode,
        frozenset({"reached a former endpoint"}),
        others=REFUSES,
        paths=frozenset({FLOW.format("node-port")}),
    )


DOCUMENTED: tuple[Documented, ...] = (
    flow_stays("iptables"),
    flow_stays("nftables"),
    Documented(
        "Without endpoints, iptables mode refuses at external and load balancer addresses in INPUT "
        "and FORWARD only: what the node itself sends leaves it",
        f"{IPTABLES}, iptablesJumpChains (KUBE-EXTERNAL-SERVICES has no jump from OUTPUT)",
        "iptables",
        LEAVES,
        others=REFUSES,
        paths=GIVEN | {FLOW.format(path) for path in GIVEN},
        clients=NODE,
    ),
    Documented(
        "With externalTrafficPolicy Local, IPVS mode sends the cluster's own clients to the node's "
        "endpoints too, where it has any, and not to those of the whole cluster",
        f"{IPVS}, syncEndpoint; k/k #97081",
        "ipvs",
        HERE | {ITSELF} | BY_TARGET,
        others=ANY,
        paths=OUTWARD,
        clients=CLUSTER,
    ),
    Documented(
        "With externalTrafficPolicy Local and no endpoint on the node, IPVS mode takes those of "
        "other nodes but masquerades nothing: a node asks from the virtual address itself, which "
        "every node has, and gets no answer",
        f"{IPVS}, syncEndpoint and nodePort rules of KUBE-POSTROUTING; k/k #97081",
        "ipvs",
        frozenset({SILENT, REFUSED}) | BY_TARGET,
        others=ANY,
        paths=GIVEN,
        clients=NODE,
    ),
    Documented(
        "With internalTrafficPolicy Local and no endpoint on the node, IPVS mode falls back to "
        "those of other nodes where externalTrafficPolicy Cluster gives the Service any to use",
        f"{IPVS}, syncEndpoint; k/k pkg/proxy/topology.go, UsesClusterEndpoints; made for "
        "externalTrafficPolicy by k/k #97081",
        "ipvs",
        THERE,
        others=frozenset({SILENT, DENIED}),
        paths=frozenset({"cluster-ip"}),
    ),
    Documented(
        "A port that a ClusterIP has not is refused in IPVS and nftables mode; iptables mode has "
        "rules for what exists only",
        f"{NFTABLES}, cluster-ips-check; {IPVS}, KUBE-IPVS-FILTER; k/k #22952",
        "iptables",
        LEAVES,
        others=REFUSES,
        paths=frozenset({UNUSED.format("cluster-ip"), BEFORE.format("cluster-ip")}),
    ),
    Documented(
        "An external or load balancer address is one of the node's own in IPVS mode, so ports that "
        "it has not are refused there; other modes let them pass",
        f"{IPVS}, KUBE-IPVS-FILTER; k/k #72236",
        "ipvs",
        REFUSES,
        others=LEAVES,
        paths=frozenset({UNUSED.format(path) for path in GIVEN})
        | {BEFORE.format(path) for path in GIVEN},
    ),
    Documented(
        "A load balancer with source ranges and without endpoints refuses everybody in iptables "
        "mode; in other modes the ranges come first and whom they do not name is dropped",
        f"{IPTABLES}, usesFWChain (hasEndpoints); {NFTABLES}, usesFWChain",
        "iptables",
        REFUSES,
        others=LEAVES,
        situations=frozenset({"loadBalancerSourceRanges"}),
        paths=frozenset({"load-balancer"}),
    ),
    Documented(
        "A load balancer without endpoints refuses the node itself in IPVS mode whatever its "
        "source ranges say: the packet ends in the empty virtual server",
        f"{IPVS}, KUBE-PROXY-FIREWALL; Linux net/netfilter/ipvs/ip_vs_core.c, ip_vs_leave",
        "ipvs",
        REFUSES,
        others=LEAVES,
        situations=frozenset({"loadBalancerSourceRanges"}),
        paths=frozenset({"load-balancer"}),
        clients=NODE,
    ),
    Documented(
        "In IPVS mode a node's own datagram that does not fit into one packet is not sent "
        "(EMSGSIZE): towards the address on kube-ipvs0 its socket counts on the MTU of lo",
        "Linux net/netfilter/ipvs/ip_vs_xmit.c, ensure_mtu_is_adequate (k/k has no rule for it)",
        "ipvs",
        frozenset({"ended as error"}),
        others=frozenset({"had the whole payload back"}),
        paths=frozenset({"cluster-ip", "node-port"}),
        clients=NODE,
    ),
    Documented(
        "NodePorts at 127.0.0.1 are served in iptables mode only (--iptables-localhost-nodeports)",
        f"{README}, NodePorts on localhost; KEP-3866; k/k #67730",
        "iptables",
        ANY,
        others=REFUSES,
        paths=frozenset({"node-port at the loopback address"}),
    ),
)

HEAD = """# Differences between the modes

What iptables, IPVS and nftables mode are documented to do differently. A run of all modes
(`tox -e all-modes`) shows where it met them, and fails for any other difference. Written by
`python -m suites.differential.documented > docs/mode-differences.md`.

| mode | what | source |
|---|---|---|
"""


def page() -> str:
    """Return the table as a page of the documentation."""
    rows = [f"| {entry.mode} | {entry.what} | {entry.source} |" for entry in DOCUMENTED]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
