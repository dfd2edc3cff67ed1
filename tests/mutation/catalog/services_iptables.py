"""Defects in Services as iptables mode writes them."""

from __future__ import annotations

from tests.mutation.defect import IPTABLES, Defect

DEFECTS = (
    Defect(
        "a deleted slice stays",
        ("iptables",),
        {
            IPTABLES: (
                "EndpointSliceUpdate(endpointSlice, true)",
                "EndpointSliceUpdate(endpointSlice, false)",
            )
        },
        ("SVC-019",),
    ),
    Defect(
        "endpoints alone change nothing",
        ("iptables",),
        {
            IPTABLES: (
                " && !endpointUpdateResult.UpdatedServices.Has(svcName.NamespacedName) {",
                " {",
            )
        },
        ("SVC-014", "SVC-018"),
    ),
    Defect(
        "only TCP is translated",
        ("iptables",),
        {
            IPTABLES: (
                '"-m", protocol, "-p", protocol, "-j", "DNAT"',
                '"-m", "tcp", "-p", "tcp", "-j", "DNAT"',
            )
        },
        ("SVC-003", "SVC-004"),
    ),
    Defect(
        "the node's own traffic is left alone",
        ("iptables",),
        {
            IPTABLES: (
                (
                    "\t{utiliptables.TableNAT, kubeServicesChain, utiliptables.ChainOutput, "
                    '"kubernetes service portals", nil},\n'
                ),
                "",
            )
        },
        ("SVC-005", "SVC-008"),
        fresh=True,
    ),
    Defect(
        "pods are masqueraded and not strangers",
        ("iptables",),
        {
            IPTABLES: (
                "\t\t\t\t\targs,\n\t\t\t\t\tproxier.localDetector.IfNotLocal(),\n",
                "\t\t\t\t\targs,\n\t\t\t\t\tproxier.localDetector.IfLocal(),\n",
            )
        },
        ("SVC-006",),
    ),
    Defect(
        "external traffic is dropped and not refused",
        ("iptables",),
        {
            IPTABLES: (
                'externalTrafficFilterTarget = "REJECT"',
                'externalTrafficFilterTarget = "DROP"',
            )
        },
        ("NEP-003",),
    ),
    Defect(
        "rules lose their beginning in large clusters",
        ("iptables",),
        {
            IPTABLES: (
                "\tif proxier.largeClusterMode {\n\t\treturn args\n",
                "\tif proxier.largeClusterMode {\n\t\treturn args[:0]\n",
            )
        },
        ("SVC-033",),
    ),
)
