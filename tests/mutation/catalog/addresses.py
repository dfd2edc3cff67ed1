"""Defects in the ways in of every mode: NodePorts, externalIPs, VIPs, source ranges."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import Defect

PORT_ADDRESSES = "pkg/proxy/util/nodeport_addresses.go"
SERVICE_PORT = "pkg/proxy/serviceport.go"
UTILS = "pkg/proxy/util/utils.go"


DEFECTS = (
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
