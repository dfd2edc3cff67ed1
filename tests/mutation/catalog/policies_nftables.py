"""Defects in traffic policies of nftables mode."""

from __future__ import annotations

from tests.mutation.defect import NFTABLES, Defect

TOPOLOGY = "pkg/proxy/topology.go"
SERVICE_PORT = "pkg/proxy/serviceport.go"

DEFECTS = (
    Defect(
        "pods are not short-circuited",
        ("nftables",),
        {
            NFTABLES: (
                '\t\t\t\t\t\t\tproxier.localDetector.IfLocalNFT(),\n\t\t\t\t\t\t\t"goto"',
                '\t\t\t\t\t\t\tproxier.localDetector.IfNotLocalNFT(),\n\t\t\t\t\t\t\t"goto"',
            )
        },
        ("ETP-001", "ETP-003"),
    ),
    Defect(
        "nodes are not short-circuited",
        ("nftables",),
        {
            NFTABLES: (
                (
                    '\t\t\t\t\t\t"fib", "saddr", "type", "local",\n'
                    '\t\t\t\t\t\t"goto", clusterPolicyChain,\n'
                ),
                (
                    '\t\t\t\t\t\t"fib", "saddr", "type", "broadcast",\n'
                    '\t\t\t\t\t\t"goto", clusterPolicyChain,\n'
                ),
            )
        },
        ("ETP-002", "ETP-003"),
    ),
    Defect(
        "nodes with a VIP are not masqueraded",
        ("nftables",),
        {
            NFTABLES: (
                (
                    '\t\t\t\t\t\t"fib", "saddr", "type", "local",\n'
                    "\t\t\t\t\t\tproxier.masqueradeRule,\n"
                ),
                (
                    '\t\t\t\t\t\t"fib", "saddr", "type", "broadcast",\n'
                    "\t\t\t\t\t\tproxier.masqueradeRule,\n"
                ),
            )
        },
        ("LB-015",),
    ),
    Defect(
        "a node without an endpoint serves no NodePort",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\tif hasEndpoints {\n\t\t\t\t// Jump to the external dest",
                "\t\t\tif hasExternalEndpoints {\n\t\t\t\t// Jump to the external dest",
            )
        },
        ("ETP-002", "ETP-003"),
    ),
    Defect(
        "a node without an endpoint refuses external traffic",
        ("nftables",),
        {
            NFTABLES: (
                'externalTrafficFilterVerdict = "drop"',
                'externalTrafficFilterVerdict = fmt.Sprintf("goto %s", rejectChain)',
            )
        },
        ("ETP-002", "EXT-002"),
    ),
    Defect(
        "a node without an endpoint accepts external traffic to VIPs",
        ("nftables",),
        {
            NFTABLES: (
                (
                    "\t\t\t\t\t\tlbip.String(),\n\t\t\t\t\t\tprotocol,\n"
                    "\t\t\t\t\t\tstrconv.Itoa(svcInfo.Port()),\n\t\t\t\t\t},\n"
                    "\t\t\t\t\tValue: []string{\n\t\t\t\t\t\texternalTrafficFilterVerdict,\n"
                ),
                (
                    "\t\t\t\t\t\tlbip.String(),\n\t\t\t\t\t\tprotocol,\n"
                    "\t\t\t\t\t\tstrconv.Itoa(svcInfo.NodePort()),\n\t\t\t\t\t},\n"
                    "\t\t\t\t\tValue: []string{\n\t\t\t\t\t\texternalTrafficFilterVerdict,\n"
                ),
            )
        },
        ("LB-013",),
    ),
    Defect(
        "internal traffic is only refused",
        ("nftables",),
        {
            NFTABLES: (
                'internalTrafficFilterVerdict = "drop"',
                'internalTrafficFilterVerdict = fmt.Sprintf("goto %s", rejectChain)',
            )
        },
        ("ITP-002",),
    ),
    Defect(
        "policy Local goes to all endpoints",
        ("nftables",),
        {
            NFTABLES: (
                "writeServiceToEndpointDNATs(tx, svcInfo, localPolicyChain, localEndpoints)",
                (
                    "writeServiceToEndpointDNATs(tx, svcInfo, localPolicyChain,"
                    " allLocallyReachableEndpoints)"
                ),
            )
        },
        ("ETP-001", "ITP-001"),
    ),
)
