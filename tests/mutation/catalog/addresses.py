"""Defects in the ways in: NodePorts, externalIPs, load balancers' VIPs and who may use them."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

PORT_ADDRESSES = "pkg/proxy/util/nodeport_addresses.go"
SERVICE_PORT = "pkg/proxy/serviceport.go"
UTILS = "pkg/proxy/util/utils.go"

SHARED = (
    Defect(
        "ipMode Proxy is overlooked",
        MODES,
        {
            SERVICE_PORT: (
                'if ing.IP == "" || !proxyutil.IsVIPMode(ing) {',
                'if ing.IP == "" {',
            )
        },
        ("LB-002",),
    ),
    Defect(
        "of several VIPs the last is taken",
        MODES,
        {
            SERVICE_PORT: (
                "info.loadBalancerVIPs = append(info.loadBalancerVIPs, ip)",
                "info.loadBalancerVIPs = []net.IP{ip}",
            )
        },
        ("LB-006", "LB-009"),
    ),
    Defect(
        "VIPs of the other family are taken, too",
        MODES,
        {
            SERVICE_PORT: (
                "ingFamily := proxyutil.GetIPFamilyFromIP(ip); ingFamily == ipFamily {",
                'ingFamily := proxyutil.GetIPFamilyFromIP(ip); ingFamily != "" {',
            )
        },
        ("DS-003",),
    ),
    Defect(
        "externalIPs of the other family are taken, too",
        MODES,
        {
            SERVICE_PORT: (
                "info.externalIPs = ipFamilyMap[ipFamily]\n",
                (
                    "info.externalIPs = append(ipFamilyMap[v1.IPv4Protocol],"
                    " ipFamilyMap[v1.IPv6Protocol]...)\n\t_ = ipFamilyMap[ipFamily]\n"
                ),
            )
        },
        ("DS-003",),
    ),
    Defect(
        "padded source ranges are overlooked",
        MODES,
        {
            SERVICE_PORT: ("strings.TrimSpace(sourceRange)", 'strings.TrimPrefix(sourceRange, "")'),
            UTILS: (
                "cidrStr := strings.TrimSpace(cidrStrUntrimmed)",
                "cidrStr := cidrStrUntrimmed",
            ),
        },
        ("LB-016",),
    ),
    Defect(
        "the range of all addresses is one like others",
        ("ipvs",),
        {
            SERVICE_PORT: (
                "if slices.ContainsFunc(cidrs, proxyutil.IsZeroCIDR) {",
                "if slices.ContainsFunc(cidrs, proxyutil.IsZeroCIDR) && len(cidrs) > 1 {",
            )
        },
        ("LB-011",),
    ),
    Defect(
        "nodePortAddresses names single addresses",
        MODES,
        {PORT_ADDRESSES: ("if cidr.Contains(ip) {", "if cidr.IP.Equal(ip) {")},
        ("NP-006",),
    ),
    Defect(
        "only the first of nodePortAddresses counts",
        MODES,
        {
            PORT_ADDRESSES: (
                "\t\tnpa.cidrs = append(npa.cidrs, cidr)\n",
                "\t\tif len(npa.cidrs) == 0 {\n\t\t\tnpa.cidrs = append(npa.cidrs, cidr)\n\t\t}\n",
            )
        },
        ("NP-006", "NP-013"),
    ),
)

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

IN_IPTABLES = (
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

IN_IPVS = (
    Defect(
        "UDP NodePorts are put into the TCP set",
        ("ipvs",),
        {
            IPVS: (
                "nodePortSet = proxier.ipsetList[kubeNodePortSetUDP]",
                "nodePortSet = proxier.ipsetList[kubeNodePortSetTCP]",
            )
        },
        ("NP-002", "NP-003"),
    ),
    Defect(
        "externalIPs are missing in their set",
        ("ipvs",),
        {
            IPVS: (
                "proxier.ipsetList[kubeExternalIPSet].activeEntries.Insert(entry.String())\n",
                "_ = entry.String()\n",
            )
        },
        ("EXT-001",),
    ),
    Defect(
        "externalIPs with policy Local are refused",
        ("ipvs",),
        {
            IPVS: (
                'ipsetList[kubeExternalIPLocalSet].Name, "dst,dst", "-j", "RETURN")',
                'ipsetList[kubeExternalIPSet].Name, "dst,dst", "-j", "RETURN")',
            )
        },
        ("EXT-002",),
    ),
    Defect(
        "a VIP that the node has is bound once more",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\t\t\tAddress:   ingress,\n\t\t\t\tPort:      uint16(svcInfo.Port()),\n"
                    "\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\tScheduler: proxier.ipvsScheduler,\n\t\t\t}\n"
                ),
                (
                    "\t\t\t\tAddress:   ingress,\n\t\t\t\tPort:      uint16(svcInfo.Port()),\n"
                    "\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\tScheduler: proxier.ipvsScheduler,\n\t\t\t}\n"
                    "\t\t\tnodeAddressSet.Delete(ingress.String())\n"
                ),
            )
        },
        ("LB-008",),
    ),
    Defect(
        "addresses stay bound",
        ("ipvs",),
        {
            IPVS: (
                "alreadyBoundAddrs.Difference(activeBindAddrs)",
                "activeBindAddrs.Difference(activeBindAddrs)",
            )
        },
        ("LB-003", "LB-009", "EXT-003"),
    ),
    Defect(
        "source ranges are ignored",
        ("ipvs",),
        {
            IPVS: (
                "proxier.ipsetList[kubeLoadBalancerFWSet].activeEntries.Insert(entry.String())\n",
                "_ = entry.String()\n",
            )
        },
        ("LB-005", "LB-006"),
    ),
    Defect(
        "nodes out of every range are let in",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\t\t\tproxier.lbNoNodeAccessIPPortProtocolEntries = append(",
                "\t\t\t\t\t_ = append(",
            )
        },
        ("LB-006", "LB-012"),
    ),
    Defect(
        "a node in a range may not use its own VIP",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\t\t\t\tIP2:      ingress.String(),\n",
                "\t\t\t\t\t\tIP2:      proxier.nodeIP.String(),\n",
            )
        },
        ("LB-012",),
    ),
    Defect(
        "NodePorts are at the addresses of VIPs, too",
        ("ipvs",),
        {
            IPVS: (
                (
                    "nodeAddressSet, err := proxier.netlinkHandle.GetAllLocalAddressesExcept"
                    "(defaultDummyDevice)"
                ),
                'nodeAddressSet, err := proxier.netlinkHandle.GetAllLocalAddressesExcept("none0")',
            )
        },
        ("LB-003", "LB-008", "NP-005"),
    ),
    Defect(
        "a NodePort's endpoints are the ClusterIP's",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\t\t\t\tactiveIPVSServices.Insert(serv.String())\n"
                    "\t\t\t\t\tif err := proxier.syncEndpoint(svcPortName,"
                    " svcInfo.ExternalPolicyLocal(), serv)"
                ),
                (
                    "\t\t\t\t\tactiveIPVSServices.Insert(serv.String())\n"
                    "\t\t\t\t\tif err := proxier.syncEndpoint(svcPortName,"
                    " svcInfo.InternalPolicyLocal(), serv)"
                ),
            )
        },
        ("ETP-001", "ITP-001"),
    ),
)

IN_NFTABLES = (
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

DEFECTS = (*SHARED, *IN_IPTABLES, *IN_IPVS, *IN_NFTABLES)
