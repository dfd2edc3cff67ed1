"""Defects in the ways in as iptables mode writes them."""

from __future__ import annotations

from tests.mutation.defect import IPTABLES, Defect

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
        ("iptables",),
        {
            IPTABLES: (
                (
                    '\t\t\t\t\t"-d", externalIP.String(),\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.Port()),\n'
                    '\t\t\t\t\t"-j", string(externalTrafficChain))\n'
                ),
                (
                    '\t\t\t\t\t"-d", externalIP.String(),\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.Port()),\n'
                    '\t\t\t\t\t"-j", string(internalTrafficChain))\n'
                ),
            )
        },
        ("EXT-001", "EXT-002"),
    ),
    Defect(
        "VIPs bypass the firewall",
        ("iptables",),
        {
            IPTABLES: (
                "\t\t\tloadBalancerTrafficChain = fwChain\n",
                "\t\t\t_ = fwChain\n",
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "source ranges bypass externalTrafficPolicy",
        ("iptables",),
        {
            IPTABLES: (
                ('natRules.Write(args, "-s", cidr.String(), "-j", string(externalTrafficChain))'),
                ('natRules.Write(args, "-s", cidr.String(), "-j", string(clusterPolicyChain))'),
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "a node in a range may not use its own VIP",
        ("iptables",),
        {IPTABLES: OUT_OF_RANGE["iptables"]},
        ("LB-012",),
    ),
    Defect(
        "who is in no range is let through",
        ("iptables",),
        {
            IPTABLES: (
                (
                    '\t\t\t\t\t"-d", lbip.String(),\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.Port()),\n'
                    '\t\t\t\t\t"-j", "DROP")\n'
                ),
                (
                    '\t\t\t\t\t"-d", lbip.String(),\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.NodePort()),\n'
                    '\t\t\t\t\t"-j", "DROP")\n'
                ),
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "outsiders begin connections to the loopback",
        ("iptables",),
        {
            IPTABLES: (
                '\t\t\t"!", "--ctstate", "RELATED,ESTABLISHED,DNAT",\n',
                '\t\t\t"--ctstate", "RELATED,ESTABLISHED,DNAT",\n',
            )
        },
        ("NP-010",),
    ),
    Defect(
        "NodePorts of UDP are compared with TCP",
        ("iptables",),
        {
            IPTABLES: (
                (
                    '\t\t\t\t\t"-m", "comment", "--comment", svcPortNameString,\n'
                    '\t\t\t\t\t"-m", protocol, "-p", protocol,\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.NodePort()),\n'
                ),
                (
                    '\t\t\t\t\t"-m", "comment", "--comment", svcPortNameString,\n'
                    '\t\t\t\t\t"-m", "tcp", "-p", "tcp",\n'
                    '\t\t\t\t\t"--dport", strconv.Itoa(svcInfo.NodePort()),\n'
                ),
            )
        },
        ("NP-002", "NP-003"),
    ),
    Defect(
        "NodePorts are at the addresses that are not listed",
        ("iptables",),
        {
            IPTABLES: (
                '\t\t\t\t"-d", ip.String(),\n\t\t\t\t"-j", string(kubeNodePortsChain))',
                '\t\t\t\t"!", "-d", ip.String(),\n\t\t\t\t"-j", string(kubeNodePortsChain))',
            )
        },
        ("NP-006", "NP-013"),
    ),
    Defect(
        "NodePorts are not masqueraded",
        ("iptables",),
        {
            IPTABLES: (
                (
                    'fmt.Sprintf(`"masquerade traffic for %s external destinations"`,'
                    " svcPortNameString),\n"
                ),
                (
                    'fmt.Sprintf(`"masquerade traffic for %s external destinations"`,'
                    ' svcPortNameString),\n\t\t\t\t\t"-m", "addrtype", "--src-type", "LOCAL",\n'
                ),
            )
        },
        ("NP-003", "EXT-001"),
    ),
)
