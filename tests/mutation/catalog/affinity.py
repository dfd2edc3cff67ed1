"""Defects in session affinity."""

from __future__ import annotations

from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

IPVS_UTIL = "pkg/proxy/ipvs/util/ipvs.go"

EMPTIED = {
    NFTABLES: (
        (
            "\t\t\t\t\tTimeout: ptr.To(time.Duration(svcInfo.StickyMaxAgeSeconds())"
            " * time.Second),\n\t\t\t\t})\n"
        ),
        (
            "\t\t\t\t\tTimeout: ptr.To(time.Duration(svcInfo.StickyMaxAgeSeconds())"
            " * time.Second),\n\t\t\t\t})\n"
            "\t\t\t\ttx.Flush(&knftables.Set{Name: epInfo.affinitySetName})\n"
        ),
    )
}

DEFECTS = (
    Defect(
        "source address of affinity is the Service's",
        ("nftables",),
        {NFTABLES: ('"{", ipX, "saddr", "}",', '"{", ipX, "daddr", "}",')},
        ("AFF-001",),
    ),
    Defect(
        "NodePort is not persistent",
        ("ipvs",),
        {
            IPVS: (
                (
                    "\t\t\t\t\tPort:      uint16(svcInfo.NodePort()),\n"
                    "\t\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\t\tScheduler: proxier.ipvsScheduler,\n"
                    "\t\t\t\t}\n"
                    "\t\t\t\tif svcInfo.SessionAffinityType() == v1.ServiceAffinityClientIP {\n"
                ),
                (
                    "\t\t\t\t\tPort:      uint16(svcInfo.NodePort()),\n"
                    "\t\t\t\t\tProtocol:  string(svcInfo.Protocol()),\n"
                    "\t\t\t\t\tScheduler: proxier.ipvsScheduler,\n"
                    "\t\t\t\t}\n"
                    "\t\t\t\tif svcInfo.SessionAffinityType() == v1.ServiceAffinityClientIP &&"
                    " svcInfo.ExternalPolicyLocal() {\n"
                ),
            )
        },
        ("AFF-002",),
    ),
    Defect(
        "affinity of external traffic is forgotten",
        ("iptables",),
        {
            IPTABLES: (
                (
                    "\tif svcInfo.SessionAffinityType() == v1.ServiceAffinityClientIP {\n"
                    "\t\tfor _, ep := range endpoints {\n"
                ),
                (
                    "\tif svcInfo.SessionAffinityType() == v1.ServiceAffinityClientIP &&"
                    " svcInfo.NodePort() == 0 {\n"
                    "\t\tfor _, ep := range endpoints {\n"
                ),
            )
        },
        ("AFF-002",),
    ),
    Defect(
        "persistence of a virtual server is not compared",
        ("ipvs",),
        {
            IPVS_UTIL: (
                (
                    "\t\tsvc.Scheduler == other.Scheduler &&\n\t\tsvc.Flags == other.Flags &&\n"
                    "\t\tsvc.Timeout == other.Timeout\n"
                ),
                "\t\tsvc.Scheduler == other.Scheduler\n",
            )
        },
        ("AFF-003",),
    ),
    Defect(
        "affinity lasts for the default time",
        ("iptables",),
        {IPTABLES: ("strconv.Itoa(svcInfo.StickyMaxAgeSeconds()),", '"10800",')},
        ("AFF-004",),
    ),
    Defect(
        "affinity lasts for minutes",
        ("nftables",),
        {
            NFTABLES: (
                "time.Duration(svcInfo.StickyMaxAgeSeconds()) * time.Second",
                "time.Duration(svcInfo.StickyMaxAgeSeconds()) * time.Minute",
            )
        },
        ("AFF-004",),
    ),
    Defect(
        "affinity is not refreshed",
        ("nftables",),
        {
            NFTABLES: (
                '"update", "@", epInfo.affinitySetName,',
                '"add", "@", epInfo.affinitySetName,',
            )
        },
        ("AFF-005",),
    ),
    Defect(
        "removed endpoints stay",
        ("ipvs",),
        {IPVS: ("curEndpoints.Difference(newEndpoints)", "newEndpoints.Difference(curEndpoints)")},
        ("AFF-006", "CT-011"),
    ),
    Defect(
        "affinity is emptied when an endpoint is written",
        ("nftables",),
        EMPTIED,
        ("AFF-007",),
    ),
    Defect(
        "affinity is emptied when another endpoint comes or goes",
        ("nftables",),
        EMPTIED,
        ("CHA-047",),
    ),
    Defect(
        "affinity leaves the node",
        ("nftables",),
        {
            NFTABLES: (
                "writeServiceToEndpointJumps(tx, svcInfo, localPolicyChain, localEndpoints)",
                (
                    "writeServiceToEndpointJumps(tx, svcInfo, localPolicyChain,"
                    " allLocallyReachableEndpoints)"
                ),
            )
        },
        ("AFF-008",),
    ),
)
