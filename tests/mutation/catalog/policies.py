"""Defects in internal and external traffic policies; those of nftables mode have a module."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, Defect

TOPOLOGY = "pkg/proxy/topology.go"
SERVICE_PORT = "pkg/proxy/serviceport.go"

DEFECTS = (
    Defect(
        "an internal policy Local shuts out external traffic",
        MODES,
        {
            SERVICE_PORT: (
                "return !bsvcPortInfo.internalPolicyLocal || bsvcPortInfo.ExternallyAccessible()",
                "return !bsvcPortInfo.internalPolicyLocal",
            )
        },
        ("ITP-001", "TRM-002"),
    ),
    Defect(
        "policy Local is one of NodePorts only",
        MODES,
        {
            SERVICE_PORT: (
                "(bsvcPortInfo.externalPolicyLocal && bsvcPortInfo.ExternallyAccessible())",
                "(bsvcPortInfo.externalPolicyLocal && bsvcPortInfo.nodePort != 0)",
            )
        },
        ("EXT-002",),
    ),
    Defect(
        "externalIPs alone do not make a Service external",
        ("iptables", "nftables"),
        {
            SERVICE_PORT: (
                (
                    "return bsvcPortInfo.nodePort != 0 || len(bsvcPortInfo.loadBalancerVIPs) != 0"
                    " || len(bsvcPortInfo.externalIPs) != 0"
                ),
                "return bsvcPortInfo.nodePort != 0 || len(bsvcPortInfo.loadBalancerVIPs) != 0",
            )
        },
        ("EXT-001",),
    ),
    Defect(
        "internal and external policy are exchanged",
        MODES,
        {
            SERVICE_PORT: (
                (
                    "\t\texternalPolicyLocal: externalPolicyLocal,\n"
                    "\t\tinternalPolicyLocal: internalPolicyLocal,\n"
                ),
                (
                    "\t\texternalPolicyLocal: internalPolicyLocal,\n"
                    "\t\tinternalPolicyLocal: externalPolicyLocal,\n"
                ),
            )
        },
        ("ETP-001", "ITP-001"),
    ),
    Defect(
        "endpoints elsewhere are none for policy Local",
        ("iptables", "nftables"),
        {
            TOPOLOGY: (
                ("\t\tif ep.IsReady() {\n\t\t\thasAnyEndpoints = true\n\t\t\tif ep.IsLocal() {\n"),
                (
                    "\t\tif ep.IsReady() {\n\t\t\tif ep.IsLocal() {\n"
                    "\t\t\t\thasAnyEndpoints = true\n"
                ),
            )
        },
        ("ITP-002",),
    ),
    Defect(
        "endpoints without a node are everybody's own",
        MODES,
        {
            "pkg/proxy/endpointslicecache.go": (
                "isLocal := endpoint.NodeName != nil && cache.isLocal(*endpoint.NodeName)",
                "isLocal := endpoint.NodeName == nil || cache.isLocal(*endpoint.NodeName)",
            )
        },
        ("ITP-007",),
    ),
    Defect(
        "pods are not short-circuited",
        ("iptables",),
        {
            IPTABLES: (
                '\t\t\t\t\t\tproxier.localDetector.IfLocal(),\n\t\t\t\t\t\t"-j"',
                '\t\t\t\t\t\tproxier.localDetector.IfNotLocal(),\n\t\t\t\t\t\t"-j"',
            )
        },
        ("ETP-001", "ETP-003"),
    ),
    Defect(
        "nodes are not short-circuited",
        ("iptables",),
        {
            IPTABLES: (
                (
                    '\t\t\t\t\t"-m", "addrtype", "--src-type", "LOCAL",\n'
                    '\t\t\t\t\t"-j", string(clusterPolicyChain))\n'
                ),
                (
                    '\t\t\t\t\t"-m", "addrtype", "--src-type", "LOCAL",\n'
                    '\t\t\t\t\t"-j", string(kubeMarkMasqChain))\n'
                ),
            )
        },
        ("ETP-002", "ETP-003"),
    ),
    Defect(
        "outsiders are masqueraded and not nodes",
        ("iptables",),
        {
            IPTABLES: (
                (
                    '\t\t\t\t\t"-m", "addrtype", "--src-type", "LOCAL",\n'
                    '\t\t\t\t\t"-j", string(kubeMarkMasqChain))\n'
                ),
                (
                    '\t\t\t\t\t"-m", "addrtype", "!", "--src-type", "LOCAL",\n'
                    '\t\t\t\t\t"-j", string(kubeMarkMasqChain))\n'
                ),
            )
        },
        ("ETP-001", "ETP-004"),
    ),
    Defect(
        "a node without an endpoint refuses external traffic",
        ("iptables",),
        {
            IPTABLES: (
                'externalTrafficFilterTarget = "DROP"',
                'externalTrafficFilterTarget = "REJECT"',
            )
        },
        ("ETP-002", "EXT-002"),
    ),
    Defect(
        "a node without an endpoint refuses internal traffic",
        ("iptables",),
        {
            IPTABLES: (
                'internalTrafficFilterTarget = "DROP"',
                'internalTrafficFilterTarget = "REJECT"',
            )
        },
        ("ITP-002",),
    ),
    Defect(
        "policy Local goes to all endpoints",
        ("iptables",),
        {
            IPTABLES: (
                "svcInfo, localPolicyChain, localEndpoints, args)",
                "svcInfo, localPolicyChain, allLocallyReachableEndpoints, args)",
            )
        },
        ("ETP-001", "ITP-001"),
    ),
    Defect(
        "the ClusterIP follows externalTrafficPolicy",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tif svcInfo.InternalPolicyLocal() {\n\t\t\t\tinternalNodeLocal = true\n",
                "\t\t\tif svcInfo.ExternalPolicyLocal() {\n\t\t\t\tinternalNodeLocal = true\n",
            )
        },
        ("ITP-001", "ETP-003"),
    ),
    Defect(
        "terminating endpoints of policy Local are all endpoints",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tif len(localEndpoints) > 0 {\n\t\t\t\tendpoints = localEndpoints\n",
                "\t\t\tif len(localEndpoints) > 0 {\n\t\t\t\tendpoints = clusterEndpoints\n",
            )
        },
        ("ETP-001", "ITP-001"),
    ),
    Defect(
        "local pods fall back to no endpoints",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\t\tendpoints = clusterEndpoints\n\n\t\t\t\tif hasAnyEndpoints",
                "\t\t\t\tendpoints = localEndpoints\n\n\t\t\t\tif hasAnyEndpoints",
            )
        },
        ("ETP-002", "ETP-003"),
    ),
    Defect(
        "VIPs of policy Local are masqueraded",
        ("ipvs",),
        {
            IPVS: (
                "proxier.ipsetList[kubeLoadBalancerLocalSet].activeEntries.Insert(entry.String())",
                "_ = entry.String()",
            )
        },
        ("LB-013",),
    ),
    Defect(
        "NodePorts of policy Local are masqueraded",
        ("ipvs",),
        {
            IPVS: (
                "nodePortLocalSet = proxier.ipsetList[kubeNodePortLocalSetUDP]",
                "nodePortLocalSet = proxier.ipsetList[kubeNodePortLocalSetTCP]",
            )
        },
        ("ETP-001",),
    ),
)
