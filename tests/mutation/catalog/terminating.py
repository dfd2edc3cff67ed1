"""Defects in how endpoints that terminate are served and left."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import Defect

TOPOLOGY = "pkg/proxy/topology.go"

DEFECTS = (
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
