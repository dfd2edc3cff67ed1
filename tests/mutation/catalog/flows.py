"""Defects in what decides where a flow goes and stays: topology, conntrack, families, NAT."""

from __future__ import annotations

from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

CLEANUP = "pkg/proxy/conntrack/cleanup.go"
SYSCTLS = "pkg/proxy/conntrack/sysctls.go"
TOPOLOGY = "pkg/proxy/topology.go"
DETECTOR = "pkg/proxy/util/localdetector.go"
META = "pkg/proxy/metaproxier/meta_proxier.go"

TOPOLOGIES = (
    Defect(
        "any zone will do",
        ("iptables",),
        {
            TOPOLOGY: (
                "return endpoint.ZoneHints().Has(zone)",
                "return endpoint.ZoneHints().Len() > 0",
            )
        },
        ("TOP-001",),
    ),
    Defect(
        "zone without endpoints has none",
        ("nftables",),
        {
            TOPOLOGY: (
                "\t\tif hasEndpointForZone {\n",
                "\t\tif hasEndpointForZone || !hasEndpointForNode {\n",
            )
        },
        ("TOP-002",),
    ),
    Defect(
        "hint for the node is taken for its zone",
        ("ipvs",),
        {
            TOPOLOGY: (
                "return v1.ServiceTrafficDistributionPreferSameNode\n",
                "return v1.ServiceTrafficDistributionPreferSameZone\n",
            )
        },
        ("TOP-003",),
    ),
    Defect(
        "missing hint is overlooked",
        ("ipvs",),
        {
            TOPOLOGY: (
                "\t\t\tallEndpointsHaveZoneHints = false\n",
                '\t\t\tallEndpointsHaveZoneHints = zone != ""\n',
            )
        },
        ("TOP-004",),
    ),
    Defect(
        "hints of unready endpoints count",
        ("nftables",),
        {
            TOPOLOGY: (
                "\t\tif !endpoint.IsReady() {\n\t\t\tcontinue\n",
                "\t\tif !endpoint.IsReady() && endpoint.IsTerminating() {\n\t\t\tcontinue\n",
            )
        },
        ("TOP-005",),
    ),
    Defect(
        "new zone is only for Services that change",
        ("iptables",),
        {
            IPTABLES: (
                "\tproxier.topologyLabels = topologyLabels\n\tproxier.needFullSync = true\n",
                "\tproxier.topologyLabels = topologyLabels\n",
            )
        },
        ("TOP-006",),
    ),
    Defect(
        "zone of the node is never learnt anew",
        ("ipvs",),
        {
            IPVS: (
                "\tproxier.topologyLabels = topologyLabels\n",
                (
                    "\tif len(proxier.topologyLabels) == 0 {\n"
                    "\t\tproxier.topologyLabels = topologyLabels\n\t}\n"
                ),
            )
        },
        ("TOP-006",),
    ),
)

CONNTRACK = (
    Defect(
        "UDP entries of a NodePort stay",
        ("iptables",),
        {
            CLEANUP: (
                "if svc.NodePort() != 0 && endpoints.Len() > 0 {",
                "if svc.NodePort() != 0 && endpoints.Len() == 0 {",
            )
        },
        ("CT-002", "CT-004"),
    ),
    Defect(
        "UDP entries of a VIP stay",
        ("nftables",),
        {
            CLEANUP: (
                (
                    "serviceIPEndpoints[net.JoinHostPort(loadBalancerIP.String(), portStr)] ="
                    " endpoints"
                ),
                "_ = loadBalancerIP",
            )
        },
        ("CT-003",),
    ),
    Defect(
        "UDP entries of an unready endpoint stay",
        ("nftables",),
        {
            CLEANUP: (
                "if endpoint.IsServing() {",
                "if endpoint.IsServing() || !endpoint.IsTerminating() {",
            )
        },
        ("CT-006",),
    ),
    Defect(
        "UDP entries of an endpoint that stops serving stay",
        ("iptables", "nftables"),
        {
            CLEANUP: (
                "if endpoint.IsServing() {",
                "if endpoint.IsServing() || endpoint.IsTerminating() {",
            )
        },
        ("CT-012",),
    ),
    Defect(
        "UDP entries of a Service scaled to zero stay",
        ("iptables",),
        {
            CLEANUP: (
                "\t\tportStr := strconv.Itoa(svc.Port())\n",
                (
                    "\t\tif endpoints.Len() == 0 {\n\t\t\tcontinue\n\t\t}\n"
                    "\t\tportStr := strconv.Itoa(svc.Port())\n"
                ),
            )
        },
        ("CT-006",),
    ),
    Defect(
        "UDP entries are compared by the Service's port",
        ("nftables",),
        {
            CLEANUP: (
                (
                    "\t\tif ok && !endpoints.Has(net.JoinHostPort(replySrc, replyPortSrcStr)) {\n"
                    "\t\t\tflows = append(flows, entry)\n\t\t\tcontinue\n\t\t}\n\n"
                    "\t\t// if the original destination port"
                ),
                (
                    "\t\tif ok && !endpoints.Has(net.JoinHostPort(replySrc, origPortDstStr)) {\n"
                    "\t\t\tflows = append(flows, entry)\n\t\t\tcontinue\n\t\t}\n\n"
                    "\t\t// if the original destination port"
                ),
            )
        },
        ("CT-008",),
    ),
    Defect(
        "INVALID packets are let through",
        ("iptables",),
        {
            IPTABLES: (
                "\tif !proxier.conntrackTCPLiberal {\n",
                "\tif proxier.conntrackTCPLiberal {\n",
            )
        },
        ("CT-009",),
    ),
    Defect(
        "tcpBeLiberal is turned round",
        ("nftables",),
        {SYSCTLS: ("\tif config.TCPBeLiberal {\n", "\tif !config.TCPBeLiberal {\n")},
        ("CT-009",),
    ),
    Defect(
        "CLOSE_WAIT is counted in minutes",
        ("iptables", "ipvs", "nftables"),
        {
            SYSCTLS: (
                "int(config.TCPCloseWaitTimeout.Duration / time.Second)",
                "int(config.TCPCloseWaitTimeout.Duration / time.Minute)",
            )
        },
        ("CT-010",),
    ),
)

FAMILIES = (
    Defect(
        "IPv6 slices are updated for IPv4",
        ("ipvs",),
        {
            META: (
                "proxier.ipv6Proxier.OnEndpointSliceUpdate(",
                "proxier.ipv4Proxier.OnEndpointSliceUpdate(",
            )
        },
        ("DS-001",),
    ),
    Defect(
        "IPv6 does not hear of changed Services",
        ("nftables",),
        {META: ("\tproxier.ipv6Proxier.OnServiceUpdate(oldService, service)\n", "")},
        ("DS-002",),
    ),
)

NAT = (
    Defect(
        "masqueradeAll only without detection",
        ("nftables",),
        {
            NFTABLES: (
                "\tif proxier.masqueradeAll {\n",
                "\tif proxier.masqueradeAll && !proxier.localDetector.IsImplemented() {\n",
            )
        },
        ("NAT-001",),
    ),
    Defect(
        "masqueradeAll looks at the source",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\tif proxier.masqueradeAll {\n"
                    '\t\t\tproxier.natRules.Write(\n\t\t\t\targs, "dst,dst",\n'
                ),
                (
                    "\t\tif proxier.masqueradeAll {\n"
                    '\t\t\tproxier.natRules.Write(\n\t\t\t\targs, "src,dst",\n'
                ),
            )
        },
        ("NAT-001",),
    ),
    Defect(
        "strangers are not masqueraded",
        ("iptables",),
        {
            IPTABLES: (
                "\t\t\t} else if proxier.localDetector.IsImplemented() {\n",
                "\t\t\t} else if !proxier.localDetector.IsImplemented() {\n",
            )
        },
        ("NAT-002",),
    ),
    Defect(
        "bridge is the wrong way round",
        ("iptables", "ipvs"),
        {
            DETECTOR: (
                'ifNotLocal:    []string{"!", "-i", interfaceName},',
                'ifNotLocal:    []string{"-i", interfaceName},',
            )
        },
        ("NAT-003",),
    ),
    Defect(
        "prefix is a whole name",
        ("nftables",),
        {
            DETECTOR: (
                '"iifname", "!=", interfacePrefix + "*"}',
                '"iifname", "!=", interfacePrefix}',
            )
        },
        ("NAT-004",),
    ),
)

DEFECTS = (*TOPOLOGIES, *CONNTRACK, *FAMILIES, *NAT)
