"""Defects in what health ports and kube-proxy's own health say."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPVS, Defect

TRACKER = "pkg/proxy/endpointschangetracker.go"
SERVICE_HEALTH = "pkg/proxy/healthcheck/service_health.go"
PROXY_HEALTH = "pkg/proxy/healthcheck/proxy_health.go"

DEFECTS = (
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
        ("ETP-013",),
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
