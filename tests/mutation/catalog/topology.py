"""Defects in which endpoints a node may use: hints, zones, and how they meet with policies."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import Defect

TOPOLOGY = "pkg/proxy/topology.go"
SLICES = "pkg/proxy/endpointslicecache.go"
CONFIG = "pkg/proxy/config/config.go"

DEFECTS = (
    Defect(
        "any hint for a node is one for this node",
        MODES,
        {
            TOPOLOGY: (
                "} else if endpoint.NodeHints().Has(nodeName) {",
                "} else if endpoint.NodeHints().Len() > 0 {",
            )
        },
        ("TOP-003",),
    ),
    Defect(
        "any hint for a zone is one for this zone",
        MODES,
        {
            TOPOLOGY: (
                "} else if endpoint.ZoneHints().Has(zone) {",
                "} else if endpoint.ZoneHints().Len() > 0 {",
            )
        },
        ("TOP-002",),
    ),
    Defect(
        "hints for nodes decide though one is missing",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\tallEndpointsHaveNodeHints = false\n",
                "\t\t\tallEndpointsHaveNodeHints = endpoint.IsLocal()\n",
            )
        },
        ("TOP-009",),
    ),
    Defect(
        "hints for nodes need one for the zone as well",
        MODES,
        {
            TOPOLOGY: (
                "\t\t\tif hasEndpointForNode {\n\t\t\t\treturn",
                "\t\t\tif hasEndpointForNode && !hasEndpointForZone {\n\t\t\t\treturn",
            )
        },
        ("TOP-003",),
    ),
    Defect(
        "the node's own endpoints are preferred, not those hinted for it",
        MODES,
        {
            TOPOLOGY: (
                "\t\treturn endpoint.NodeHints().Has(nodeName)\n",
                "\t\treturn endpoint.IsLocal()\n",
            )
        },
        ("TOP-003",),
    ),
    Defect(
        "of several hints for zones the last counts",
        MODES,
        {
            SLICES: (
                "\t\t\t\t\tzoneHints.Insert(zone.Name)\n",
                "\t\t\t\t\tzoneHints = sets.New(zone.Name)\n",
            )
        },
        ("TOP-007",),
    ),
    Defect(
        "of several hints for nodes the last counts",
        MODES,
        {
            SLICES: (
                "\t\t\t\t\tnodeHints.Insert(node.Name)\n",
                "\t\t\t\t\tnodeHints = sets.New(node.Name)\n",
            )
        },
        ("TOP-007",),
    ),
    Defect(
        "a node without a zone keeps the last it had",
        MODES,
        {
            CONFIG: (
                "\tif reflect.DeepEqual(n.topologyLabels, topologyLabels) {\n",
                (
                    "\tif len(topologyLabels) == 0 ||"
                    " reflect.DeepEqual(n.topologyLabels, topologyLabels) {\n"
                ),
            )
        },
        ("TOP-006",),
    ),
    Defect(
        "hints hide a node's own endpoints from policy Local",
        ("iptables", "nftables"),
        {
            TOPOLOGY: (
                '\tif topologyMode == "" && !useServingTerminatingEndpoints {\n',
                "\tif !useServingTerminatingEndpoints {\n",
            )
        },
        ("TOP-008",),
    ),
)
