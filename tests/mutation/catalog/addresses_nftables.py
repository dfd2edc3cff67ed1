"""Defects in the ways in as nftables mode writes them."""

from __future__ import annotations

from tests.mutation.defect import NFTABLES, Defect

OUT_OF_RANGE = {
    "iptables": (
        "\t\t\tif allowFromNode {\n\t\t\t\tfor _, lbip",
        "\t\t\tif !allowFromNode {\n\t\t\t\tfor _, lbip",
    ),
    "nftables": (
        "\t\t\tif allowFromNode {\n\t\t\t\tfor _, lbip",
        "\t\t\tif !allowFromNode {\n\t\t\t\tfor _, lbip",
    ),
}

DEFECTS = (
    Defect(
        "externalIPs are the internal chain's",
        ("nftables",),
        {
            NFTABLES: (
                (
                    "\t\t\t\t\t\texternalIP.String(),\n\t\t\t\t\t\tprotocol,\n"
                    "\t\t\t\t\t\tstrconv.Itoa(svcInfo.Port()),\n\t\t\t\t\t},\n"
                    "\t\t\t\t\tValue: []string{\n"
                    '\t\t\t\t\t\tfmt.Sprintf("goto %s", externalTrafficChain),\n'
                ),
                (
                    "\t\t\t\t\t\texternalIP.String(),\n\t\t\t\t\t\tprotocol,\n"
                    "\t\t\t\t\t\tstrconv.Itoa(svcInfo.Port()),\n\t\t\t\t\t},\n"
                    "\t\t\t\t\tValue: []string{\n"
                    '\t\t\t\t\t\tfmt.Sprintf("goto %s", internalTrafficChain),\n'
                ),
            )
        },
        ("EXT-001", "EXT-002"),
    ),
    Defect(
        "only the first VIP has a firewall",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\tif usesFWChain {\n\t\t\t\tproxier.firewallIPs",
                (
                    "\t\t\tif usesFWChain && lbip.Equal(svcInfo.LoadBalancerVIPs()[0]) {\n"
                    "\t\t\t\tproxier.firewallIPs"
                ),
            )
        },
        ("LB-006",),
    ),
    Defect(
        "source ranges are turned round",
        ("nftables",),
        {
            NFTABLES: (
                'ipX, "saddr", "!=", "{", sources, "}",',
                'ipX, "saddr", "{", sources, "}",',
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "a node in a range may not use its own VIP",
        ("nftables",),
        {NFTABLES: OUT_OF_RANGE["nftables"]},
        ("LB-012",),
    ),
    Defect(
        "the node's own traffic passes the firewall",
        ("nftables",),
        {NFTABLES: ('\t{firewallCheckChain, filterOutputPreDNATChain, "ct state new"},\n', "")},
        ("LB-006", "LB-012"),
    ),
    Defect(
        "lifted source ranges stay",
        ("nftables",),
        {NFTABLES: ("\tproxier.firewallIPs.cleanupLeftoverKeys(tx)\n", "")},
        ("LB-011",),
    ),
    Defect(
        "deleted NodePorts stay",
        ("nftables",),
        {NFTABLES: ("\tproxier.serviceNodePorts.cleanupLeftoverKeys(tx)\n", "")},
        ("NP-004", "NP-011"),
    ),
    Defect(
        "addresses once taken stay",
        ("nftables",),
        {NFTABLES: ("\tproxier.serviceIPs.cleanupLeftoverKeys(tx)\n", "")},
        ("EXT-003", "LB-003"),
    ),
    Defect(
        "NodePorts are translated at the loopback",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\tif ip.IsLoopback() {\n\t\t\t\tcontinue\n",
                "\t\t\tif ip.IsLoopback() && ip.To4() == nil {\n\t\t\t\tcontinue\n",
            )
        },
        ("NP-008",),
    ),
    Defect(
        "NodePorts are at every address",
        ("nftables",),
        {
            NFTABLES: (
                '\t\t\t\tipX, "daddr @nodeport-ips",\n',
                '\t\t\t\t"fib daddr type local",\n',
            )
        },
        ("NP-005", "NP-006"),
    ),
    Defect(
        "NodePorts of UDP are not hashed by protocol",
        ("nftables",),
        {
            NFTABLES: (
                (
                    "\t\t\t\tproxier.serviceNodePorts.ensureElem(tx, &knftables.Element{\n"
                    "\t\t\t\t\tMap: serviceNodePortsMap,\n\t\t\t\t\tKey: []string{\n"
                    "\t\t\t\t\t\tprotocol,\n"
                ),
                (
                    "\t\t\t\tproxier.serviceNodePorts.ensureElem(tx, &knftables.Element{\n"
                    "\t\t\t\t\tMap: serviceNodePortsMap,\n\t\t\t\t\tKey: []string{\n"
                    '\t\t\t\t\t\t"tcp",\n'
                ),
            )
        },
        ("NP-002", "NP-003"),
    ),
)
