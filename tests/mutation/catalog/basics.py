"""One or two defects of each part of the three proxiers: the set that CI tries."""

from __future__ import annotations

from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

ALWAYS_READY = {
    "pkg/proxy/endpointslicecache.go": (
        "ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready\n",
        "ready := true || endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready\n",
    )
}
STALE_CONNTRACK = {
    "pkg/proxy/conntrack/cleanup.go": (
        "\tentries, err := ct.ListEntries(ipFamilyMap[ipFamily])\n",
        "\treturn\n\tentries, err := ct.ListEntries(ipFamilyMap[ipFamily])\n",
    )
}

DEFECTS = (
    Defect(
        "uneven probabilities",
        ("iptables",),
        {
            IPTABLES: (
                'fmt.Sprintf("%0.10f", 1.0/float64(n))',
                'fmt.Sprintf("%0.10f", 1.0/float64(n+1))',
            )
        },
        ("SCH-010",),
        in_ci=True,
    ),
    Defect(
        "no reject without endpoints",
        ("iptables",),
        {
            IPTABLES: (
                'internalTrafficFilterTarget = "REJECT"',
                'internalTrafficFilterTarget = "DROP"',
            )
        },
        ("NEP-001",),
        in_ci=True,
    ),
    Defect(
        "no masquerade for hairpin",
        ("iptables",),
        {IPTABLES: ('\t\t\t\t"-s", epInfo.IP(),\n', '\t\t\t\t"-s", "192.0.2.1",\n')},
        ("SVC-007",),
        in_ci=True,
    ),
    Defect(
        "affinity never recorded",
        ("iptables",),
        {
            IPTABLES: (
                '"-m", "recent", "--name", string(endpointChain), "--set")',
                '"-m", "comment", "--comment", string(endpointChain))',
            )
        },
        ("AFF-001",),
        in_ci=True,
    ),
    Defect(
        "unready endpoints are used", ("iptables", "ipvs"), ALWAYS_READY, ("SVC-015",), in_ci=True
    ),
    Defect(
        "last endpoint never chosen",
        ("nftables",),
        {
            NFTABLES: (
                '"dnat", ipX, "addr . port to",\n\t\t\t"numgen random mod", len(endpoints),',
                '"dnat", ipX, "addr . port to",\n\t\t\t"numgen random mod", len(endpoints)/2+1,',
            )
        },
        ("SVC-001",),
        in_ci=True,
    ),
    Defect(
        "hairpin set stays empty",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\tif epInfo.IsLocal() {\n\t\t\t\tproxier.hairpinConnections",
                (
                    '\t\t\tif epInfo.IsLocal() && epInfo.IP() == "" {\n'
                    "\t\t\t\tproxier.hairpinConnections"
                ),
            )
        },
        ("SVC-007",),
        in_ci=True,
    ),
    Defect(
        "no masquerade for NodePort",
        ("nftables",),
        {
            NFTABLES: (
                (
                    "\t\t\tif !svcInfo.ExternalPolicyLocal() {\n"
                    "\t\t\t\t// If we are using non-local endpoints we need to masquerade,"
                ),
                (
                    "\t\t\tif !svcInfo.ExternalPolicyLocal() && svcInfo.NodePort() == 0 {\n"
                    "\t\t\t\t// If we are using non-local endpoints we need to masquerade,"
                ),
            )
        },
        ("NP-003",),
        in_ci=True,
    ),
    Defect("stale UDP entries stay", ("nftables",), STALE_CONNTRACK, ("CT-001",), in_ci=True),
    # IPVS itself moves a flow whose endpoint has gone, but not one older than its Service.
    Defect("stale UDP entries stay in IPVS", ("ipvs",), STALE_CONNTRACK, ("CT-005",), in_ci=True),
    Defect(
        "scheduler ignored",
        ("ipvs",),
        {
            IPVS: (
                "\tscheduler := config.IPVS.Scheduler\n",
                '\tscheduler := config.IPVS.Scheduler\n\tscheduler = ""\n',
            )
        },
        ("SCH-003",),
        in_ci=True,
    ),
    Defect(
        "hairpin set stays empty",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tproxier.ipsetList[kubeLoopBackIPSet].activeEntries.Insert(entry.String())\n",
                "",
            )
        },
        ("SVC-007",),
        in_ci=True,
    ),
    Defect(
        "new endpoints get weight 0",
        ("ipvs",),
        {IPVS: ("\t\t\tWeight:  1,\n", "\t\t\tWeight:  0,\n")},
        ("SVC-001",),
        in_ci=True,
    ),
)
