"""Defects in what IPVS mode keeps in the kernel over changes and restarts."""

from __future__ import annotations

from tests.mutation.defect import IPVS, Defect

GRACEFUL = "pkg/proxy/ipvs/graceful_termination.go"

DEFECTS = (
    Defect(
        "addresses that Services had stay on kube-ipvs0",
        ("ipvs",),
        {
            IPVS: (
                "\tif superfluousAddresses.Len() > 0 {\n",
                "\tif superfluousAddresses.Len() > 0 && proxier.initialSync {\n",
            )
        },
        ("IPVS-001",),
    ),
    Defect(
        "an unknown scheduler is accepted",
        ("ipvs",),
        {
            "pkg/proxy/ipvs/supported.go": (
                '"Could not create dummy VS", "scheduler", scheduler)\n\t\treturn err\n',
                '"Could not create dummy VS", "scheduler", scheduler)\n\t\treturn nil\n',
            )
        },
        ("IPVS-002",),
    ),
    Defect(
        "arp_ignore stays as it is",
        ("ipvs",),
        {
            IPVS: (
                "EnsureSysctl(sysctl, sysctlArpIgnore, 1)",
                "EnsureSysctl(sysctl, sysctlArpAnnounce, 2)",
            )
        },
        ("IPVS-003",),
    ),
    Defect(
        "the UDP timeout is taken for that of FIN",
        ("ipvs",),
        {
            IPVS: (
                "ipvs.ConfigureTimeouts(tcpTimeout, tcpFinTimeout, udpTimeout)",
                "ipvs.ConfigureTimeouts(tcpTimeout, udpTimeout, tcpFinTimeout)",
            )
        },
        ("IPVS-004",),
    ),
    Defect(
        "flows to a server that is gone go on to nobody",
        ("ipvs",),
        {
            IPVS: (
                "\tif err := proxyutil.EnsureSysctl(sysctl, sysctlExpireNoDestConn, 1)",
                "\tif err := proxyutil.EnsureSysctl(sysctl, sysctlExpireNoDestConn, 0)",
            )
        },
        ("CT-001",),
    ),
    Defect(
        "an endpoint that is ready again keeps weight 0",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tif !proxier.gracefuldeleteManager.InTerminationList(uniqueRS) {\n",
                '\t\t\tif !proxier.gracefuldeleteManager.InTerminationList("") {\n',
            )
        },
        ("IPVS-005",),
    ),
    Defect(
        "destinations are deleted with their connections",
        ("ipvs",),
        {GRACEFUL: ("rs.ActiveConn+rs.InactiveConn != 0 {", "rs.ActiveConn+rs.InactiveConn < 0 {")},
        ("IPVS-005",),
    ),
    Defect(
        "destinations of weight 0 stay for ever",
        ("ipvs",),
        {GRACEFUL: ("\tgo wait.Until(m.tryDeleteRs, ", "\tgo wait.Until(func() {}, ")},
        ("IPVS-007",),
    ),
)
