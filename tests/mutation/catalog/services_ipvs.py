"""Defects in Services as IPVS mode writes them."""

from __future__ import annotations

from tests.mutation.defect import IPVS, Defect

DEFECTS = (
    Defect(
        "a deleted slice stays",
        ("ipvs",),
        {
            IPVS: (
                "EndpointSliceUpdate(endpointSlice, true)",
                "EndpointSliceUpdate(endpointSlice, false)",
            )
        },
        ("SVC-019",),
    ),
    Defect(
        "virtual servers stay",
        ("ipvs",),
        {
            IPVS: (
                "\t\tif !activeServices.Has(cs) {\n",
                '\t\tif !activeServices.Has(cs) && cs == "" {\n',
            )
        },
        ("SVC-011", "SVC-039"),
    ),
    Defect(
        "an endpoint on its way out stays out",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tif !proxier.gracefuldeleteManager.InTerminationList(uniqueRS) {\n",
                (
                    "\t\t\tif !proxier.gracefuldeleteManager.InTerminationList(uniqueRS) || "
                    'uniqueRS != "" {\n'
                ),
            )
        },
        ("SVC-038",),
    ),
    Defect(
        "SCTP NodePorts are put into the wrong set",
        ("ipvs",),
        {
            IPVS: (
                "nodePortSet = proxier.ipsetList[kubeNodePortSetSCTP]",
                "nodePortSet = proxier.ipsetList[kubeNodePortLocalSetSCTP]",
            )
        },
        ("SVC-042",),
    ),
    Defect(
        "SCTP is taken for TCP",
        ("ipvs",),
        {
            "pkg/proxy/ipvs/util/ipvs_linux.go": (
                "\t\treturn uint16(unix.IPPROTO_SCTP)\n",
                "\t\treturn uint16(unix.IPPROTO_TCP)\n",
            )
        },
        ("SVC-004",),
    ),
    Defect(
        "daemons of the node answer at ClusterIPs",
        ("ipvs",),
        {
            IPVS: (
                'ipsetList[kubeIPVSSet].Name, "dst", "-j", "REJECT")',
                'ipsetList[kubeIPVSSet].Name, "dst", "-j", "RETURN")',
            )
        },
        ("SVC-031",),
    ),
    Defect(
        "unused ports are dropped and not refused",
        ("ipvs",),
        {
            IPVS: (
                'ipsetList[kubeIPVSSet].Name, "dst", "-j", "REJECT")',
                'ipsetList[kubeIPVSSet].Name, "dst", "-j", "DROP")',
            )
        },
        ("SVC-029",),
    ),
    Defect(
        "pods are masqueraded and not strangers",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\t\tproxier.localDetector.IfNotLocal(),\n",
                "\t\t\t\tproxier.localDetector.IfLocal(),\n",
            )
        },
        ("SVC-005", "SVC-006"),
    ),
    Defect(
        "source hashing is the default",
        ("ipvs",),
        {IPVS: ('\tdefaultScheduler = "rr"\n', '\tdefaultScheduler = "sh"\n')},
        ("SVC-016",),
    ),
)
