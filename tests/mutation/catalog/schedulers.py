"""Defects in what IPVS mode makes of the configured scheduler."""

from __future__ import annotations

from tests.mutation.defect import IPVS, Defect

DEFECTS = (
    Defect(
        "mh hashes the client's address without its port",
        ("ipvs",),
        {
            IPVS: (
                (
                    '\t\tif proxier.ipvsScheduler == "mh" {\n'
                    "\t\t\tserv.Flags |= utilipvs.FlagSourceHash\n"
                    "\t\t}\n"
                    "\t\t// We need to bind ClusterIP to dummy interface"
                ),
                "\t\t// We need to bind ClusterIP to dummy interface",
            )
        },
        ("SCH-003",),
    ),
    Defect(
        "NodePorts are served round robin",
        ("ipvs",),
        {
            IPVS: (
                ("\t\t\t\t\tScheduler: proxier.ipvsScheduler,\n"),
                ("\t\t\t\t\tScheduler: defaultScheduler,\n"),
            )
        },
        ("SCH-003",),
    ),
    Defect(
        "every other address has twice the weight",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tWeight:  1,\n",
                "\t\t\tWeight:  1 + int(netutils.ParseIPSloppy(ip).To16()[15]&1),\n",
            )
        },
        ("SCH-003",),
    ),
    Defect(
        "a new endpoint has the weight of all others together",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tWeight:  1,\n",
                "\t\t\tWeight:  max(1, len(curDests)),\n",
            )
        },
        ("SCH-005",),
    ),
)
