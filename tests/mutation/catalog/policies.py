"""Defects in traffic policies, terminating endpoints, and what health ports say."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

TOPOLOGY = "pkg/proxy/topology.go"
SERVICE_PORT = "pkg/proxy/serviceport.go"
TRACKER = "pkg/proxy/endpointschangetracker.go"
SERVICE_HEALTH = "pkg/proxy/healthcheck/service_health.go"
PROXY_HEALTH = "pkg/proxy/healthcheck/proxy_health.go"

TERMINATING = (
    Defect(
        "terminating endpoints are used beside ready ones",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\tif !ep.IsReady() {\n\t\t\t\treturn false\n",
                "\t\t\tif !ep.IsReady() && !ep.IsServing() {\n\t\t\t\treturn false\n",
            )
        },
        ("TRM-003", "TRM-005"),
    ),
    Defect(
        "terminating endpoints are never used",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\t\tif ep.IsServing() && ep.IsTerminating() {\n\t\t\t\t\treturn true\n",
                "\t\t\t\tif ep.IsReady() && ep.IsTerminating() {\n\t\t\t\t\treturn true\n",
            )
        },
        ("TRM-001", "TRM-003"),
    ),
    Defect(
        "terminating endpoints that do not serve are used",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\t\tif ep.IsServing() && ep.IsTerminating() {\n\t\t\t\t\treturn true\n",
                "\t\t\t\tif ep.IsTerminating() {\n\t\t\t\t\treturn true\n",
            )
        },
        ("TRM-006",),
    ),
    Defect(
        "endpoints that only serve are used",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\t\tif ep.IsServing() && ep.IsTerminating() {\n\t\t\t\t\treturn true\n",
                "\t\t\t\tif ep.IsServing() {\n\t\t\t\t\treturn true\n",
            )
        },
        ("TRM-006",),
    ),
    Defect(
        "policy Local knows no terminating endpoints",
        MODES,
        {
            TOPOLOGY: (
                "return ep.IsLocal() && ep.IsServing() && ep.IsTerminating()",
                "return ep.IsLocal() && ep.IsReady() && ep.IsTerminating()",
            )
        },
        ("TRM-002", "TRM-004"),
    ),
    Defect(
        "policy Local prefers terminating endpoints",
        MODES,
        {
            TOPOLOGY: (
                "\tif hasLocalReadyEndpoints {\n",
                "\tif hasLocalReadyEndpoints && !hasLocalServingTerminatingEndpoints {\n",
            )
        },
        ("TRM-009",),
    ),
    Defect(
        "rules jump to terminating endpoints that have none",
        ("iptables", "nftables"),
        {
            TOPOLOGY: (
                '\tif topologyMode == "" && !useServingTerminatingEndpoints {\n',
                '\t_ = useServingTerminatingEndpoints\n\tif topologyMode == "" {\n',
            )
        },
        ("TRM-002", "TRM-004", "TRM-010"),
    ),
    Defect(
        "a condition left out means that it does not serve",
        MODES,
        {
            "pkg/proxy/endpointslicecache.go": (
                "endpoint.Conditions.Serving == nil || *endpoint.Conditions.Serving\n",
                "endpoint.Conditions.Serving != nil && *endpoint.Conditions.Serving\n",
            )
        },
        ("TRM-006",),
    ),
)

POLICIES = (
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

HEALTH = (
    Defect(
        "health checks look at kube-proxy only",
        MODES,
        {
            SERVICE_HEALTH: (
                "if count != 0 && kubeProxyHealthy {",
                "if (count != 0 || svc != nil) && kubeProxyHealthy {",
            )
        },
        ("ETP-005",),
    ),
    Defect(
        "health checks look at endpoints only",
        MODES,
        {
            SERVICE_HEALTH: (
                "if count != 0 && kubeProxyHealthy {",
                "if count != 0 {",
            )
        },
        ("ETP-007",),
    ),
    Defect(
        "the weight in health checks is that of all Services",
        MODES,
        {SERVICE_HEALTH: ("strconv.Itoa(count))\n", "strconv.Itoa(len(h.hcs.services)))\n")},
        ("ETP-005",),
    ),
    Defect(
        "health check ports stay open",
        MODES,
        {
            SERVICE_HEALTH: (
                "\t\t\t_ = svc.closeAll()\n\n\t\t\tdelete(",
                "\t\t\t_ = svc.closeAll\n\n\t\t\tdelete(",
            )
        },
        ("ETP-005",),
    ),
    Defect(
        "a health check port that changes stays",
        MODES,
        {
            SERVICE_HEALTH: (
                "newServices[nsn]; !found || port != svc.port {",
                "newServices[nsn]; !found || port == 0 {",
            )
        },
        ("ETP-010",),
    ),
    Defect(
        "the last endpoint stays healthy",
        MODES,
        {SERVICE_HEALTH: ("\t\t\thci.endpoints = 0\n", "\t\t\t_ = hci\n")},
        ("ETP-006", "ETP-011", "ETP-012"),
    ),
    Defect(
        "a health check port that was taken is given up",
        MODES,
        {
            SERVICE_HEALTH: (
                '"port", port)\n\t\t\tcontinue\n\t\t}\n\t\thcs.services[nsn] = svc\n',
                '"port", port)\n\t\t}\n\t\thcs.services[nsn] = svc\n',
            )
        },
        ("ETP-008",),
    ),
    Defect(
        "terminating endpoints are healthy",
        MODES,
        {
            TRACKER: (
                "\t\t\tif !ep.IsReady() {\n\t\t\t\tcontinue\n",
                "\t\t\tif !ep.IsServing() {\n\t\t\t\tcontinue\n",
            )
        },
        ("ETP-006",),
    ),
    Defect(
        "endpoints of all nodes are healthy",
        MODES,
        {
            TRACKER: (
                "\t\t\tif ep.IsLocal() {\n",
                "\t\t\tif ep.IsLocal() || !ep.IsTerminating() {\n",
            )
        },
        ("ETP-005", "ETP-011"),
    ),
    Defect(
        "health checks are at all addresses",
        MODES,
        {
            SERVICE_HEALTH: (
                "\tif !nodePortAddresses.MatchAll() {\n",
                '\tif !nodePortAddresses.MatchAll() && network == "tcp" {\n',
            )
        },
        ("NP-006",),
    ),
    Defect(
        "a done update stays pending",
        MODES,
        {
            PROXY_HEALTH: (
                "\tdelete(hs.oldestPendingQueuedMap, ipFamily)\n",
                "\tdelete(hs.oldestPendingQueuedMap, v1.IPv6Protocol)\n",
            )
        },
        ("ETP-007", "HLT-002"),
    ),
    Defect(
        "every change is the oldest pending",
        MODES,
        {
            PROXY_HEALTH: (
                "ipFamily]; !set {\n\t\ths.oldestPendingQueuedMap",
                "ipFamily]; !set || set {\n\t\ths.oldestPendingQueuedMap",
            )
        },
        ("HLT-006",),
    ),
    Defect(
        "one healthy family is enough",
        MODES,
        {
            PROXY_HEALTH: (
                "\t\thealth.Healthy = false\n",
                "\t\thealth.Healthy = len(hs.lastUpdatedMap) > 1\n",
            )
        },
        ("HLT-002",),
    ),
    Defect(
        "any taint makes a node ineligible",
        MODES,
        {
            PROXY_HEALTH: (
                "if taint.Key == ToBeDeletedTaint {",
                "if taint.Effect == v1.TaintEffectNoSchedule || taint.Key == ToBeDeletedTaint {",
            )
        },
        ("HLT-005",),
    ),
    Defect(
        "livez is about the node as well",
        MODES,
        {
            PROXY_HEALTH: (
                "\tif !health.Healthy {\n\t\tmetrics.ProxyLivezTotal",
                "\tif !health.Healthy || !h.hs.NodeEligible() {\n\t\tmetrics.ProxyLivezTotal",
            )
        },
        ("HLT-005",),
    ),
    Defect(
        "health checks are refused at VIPs",
        ("ipvs",),
        {
            IPVS: (
                'ipsetList[kubeHealthCheckNodePortSet].Name, "dst", "-j", "RETURN")',
                'ipsetList[kubeHealthCheckNodePortSet].Name, "src", "-j", "RETURN")',
            )
        },
        ("LB-014",),
    ),
)

DEFECTS = (*TERMINATING, *POLICIES, *HEALTH)
