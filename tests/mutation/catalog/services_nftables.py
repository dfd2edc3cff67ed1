"""Defects in Services as nftables mode writes them."""

from __future__ import annotations

from tests.mutation.defect import NFTABLES, Defect

DEFECTS = (
    Defect(
        "a deleted slice stays",
        ("nftables",),
        {
            NFTABLES: (
                "EndpointSliceUpdate(endpointSlice, true)",
                "EndpointSliceUpdate(endpointSlice, false)",
            )
        },
        ("SVC-019",),
    ),
    Defect(
        "endpoints alone change nothing",
        ("nftables",),
        {
            NFTABLES: (
                (
                    "!serviceUpdateResult.UpdatedServices.Has(svcName.NamespacedName) &&\n"
                    "\t\t\t!endpointUpdateResult.UpdatedServices.Has(svcName.NamespacedName)\n"
                ),
                "!serviceUpdateResult.UpdatedServices.Has(svcName.NamespacedName)\n",
            )
        },
        ("SVC-014", "SVC-018"),
    ),
    Defect(
        "an address keeps the chain it had first",
        ("nftables",),
        {NFTABLES: ("\t\tif existingValue != newValue {\n", '\t\tif existingValue == "" {\n')},
        ("SVC-034", "SVC-035", "SVC-041"),
    ),
    Defect(
        "long comments fail every sync",
        ("nftables",),
        {NFTABLES: ("truncateNFTablesComment(svcInfo.nameString)", "svcInfo.nameString")},
        ("SVC-025",),
    ),
    Defect(
        "unused ports are dropped and not refused",
        ("nftables",),
        {NFTABLES: ('"@", clusterIPsSet, "reject",', '"@", clusterIPsSet, "drop",')},
        ("SVC-029",),
    ),
    Defect(
        "unallocated addresses are forwarded",
        ("nftables",),
        {
            NFTABLES: (
                '\t\t\t\t"drop",\n\t\t\t),\n\t\t\tComment: ptr.To("Drop traffic to unalloc',
                '\t\t\t\t"accept",\n\t\t\t),\n\t\t\tComment: ptr.To("Drop traffic to unalloc',
            )
        },
        ("SVC-030",),
    ),
    Defect(
        "only TCP is refused",
        ("nftables",),
        {NFTABLES: ('\t\tRule:  "reject",\n', '\t\tRule:  "reject with tcp reset",\n')},
        ("NEP-006",),
    ),
    Defect(
        "external traffic is dropped and not refused",
        ("nftables",),
        {
            NFTABLES: (
                'externalTrafficFilterVerdict = fmt.Sprintf("goto %s", rejectChain)',
                'externalTrafficFilterVerdict = "drop"',
            )
        },
        ("NEP-003",),
    ),
    Defect(
        "the node's own traffic is left alone",
        ("nftables",),
        {NFTABLES: ('\t{servicesChain, natOutputChain, ""},\n', "")},
        ("SVC-005", "SVC-008"),
    ),
    Defect(
        "pods are masqueraded and not strangers",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\t\tproxier.localDetector.IfNotLocalNFT(),\n",
                "\t\t\t\tproxier.localDetector.IfLocalNFT(),\n",
            )
        },
        ("SVC-006",),
    ),
    Defect(
        "only small packets are translated",
        ("nftables",),
        {
            NFTABLES: (
                (
                    '\t\t\tipX, "daddr", ".", "meta l4proto", ".", "th dport",\n'
                    '\t\t\t"vmap", "@", serviceIPsMap,\n'
                ),
                (
                    '\t\t\t"meta length < 1500", ipX, "daddr", ".", '
                    '"meta l4proto", ".", "th dport",\n'
                    '\t\t\t"vmap", "@", serviceIPsMap,\n'
                ),
            )
        },
        ("SVC-017",),
    ),
)
