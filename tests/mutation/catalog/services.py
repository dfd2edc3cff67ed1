"""Defects in the tracking of Services and their EndpointSlices."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import Defect

SLICES = "pkg/proxy/endpointslicecache.go"
ENDPOINTS = "pkg/proxy/endpointschangetracker.go"
SERVICES = "pkg/proxy/servicechangetracker.go"
SERVER = "cmd/kube-proxy/app/server.go"

DEFECTS = (
    Defect(
        "the last slice replaces the others",
        MODES,
        {
            SLICES: (
                "int(*port.Port), endpointInfoBySP[svcPortName], sliceData",
                "int(*port.Port), nil, sliceData",
            )
        },
        ("SVC-018", "SVC-019", "SVC-032"),
    ),
    Defect(
        "a slice is read to its 80th endpoint",
        MODES,
        {
            SLICES: (
                "\tfor _, endpoint := range endpoints {\n",
                "\tfor _, endpoint := range endpoints[:min(80, len(endpoints))] {\n",
            )
        },
        ("SVC-032", "SVC-033"),
    ),
    Defect(
        "of two endpoints with one address the last is taken",
        MODES,
        {SLICES: ("; !exists || !terminating {", "; !exists || terminating || !terminating {")},
        ("SVC-021",),
    ),
    Defect(
        "the first port of a slice is taken for all",
        MODES,
        {SLICES: ("int(*port.Port), ", "int(*sliceData.endpointSlice.Ports[0].Port), ")},
        ("SVC-009", "SVC-034"),
    ),
    Defect(
        "a change of a slice's ports is no change",
        MODES,
        {
            SLICES: (
                "\t\t\treturn !reflect.DeepEqual(esData, appliedData)\n",
                (
                    "\t\t\treturn esData.remove || !reflect.DeepEqual("
                    "esData.endpointSlice.Endpoints, appliedData.endpointSlice.Endpoints)\n"
                ),
            )
        },
        ("SVC-012", "SVC-013"),
    ),
    Defect(
        "the other family's slices are taken, too",
        MODES,
        {
            ENDPOINTS: (
                "if endpointSlice.AddressType != ect.addressType {",
                "if endpointSlice.AddressType == discovery.AddressTypeFQDN {",
            ),
            "pkg/proxy/metaproxier/meta_proxier.go": (
                "\t\tproxier.ipv6Proxier.OnEndpointSliceAdd(endpointSlice)\n",
                (
                    "\t\tproxier.ipv6Proxier.OnEndpointSliceAdd(endpointSlice)\n"
                    "\t\tproxier.ipv4Proxier.OnEndpointSliceAdd(endpointSlice)\n"
                ),
            ),
        },
        ("SVC-020",),
    ),
    Defect(
        "the last endpoints are never taken away",
        MODES,
        {ENDPOINTS: ("\t\tem.unmerge(change.previous)\n", "")},
        ("NEP-003", "NEP-004", "SVC-014", "SVC-038"),
    ),
    Defect(
        "UDP flows are forgotten only where UDP was before",
        MODES,
        {
            ENDPOINTS: (
                "for svcPort := range change.current {",
                "for svcPort := range change.previous {",
            )
        },
        ("SVC-013", "SVC-040"),
    ),
    Defect(
        "ports once programmed stay",
        MODES,
        {SERVICES: ("\t\tsm.unmerge(change.previous)\n", "")},
        ("SVC-010", "SVC-011", "SVC-023", "SVC-027"),
    ),
    Defect(
        "an update takes the port away",
        MODES,
        {SERVICES: ("\t\tchange.previous.filter(change.current)\n", "")},
        ("SVC-010", "SVC-011", "SVC-022"),
    ),
    Defect(
        "only the last of several changes is undone",
        MODES,
        {
            SERVICES: (
                (
                    "\t\tchange.previous = sct.serviceToServiceMap(previous)\n"
                    "\t\tsct.items[namespacedName] = change\n\t}\n"
                ),
                (
                    "\t\tsct.items[namespacedName] = change\n\t}\n"
                    "\tchange.previous = sct.serviceToServiceMap(previous)\n"
                ),
            )
        },
        ("SVC-043",),
    ),
    Defect(
        "a port keeps what it was first programmed with",
        MODES,
        {
            SERVICES: (
                "\t\t(*sm)[svcPortName] = info\n",
                "\t\tif !exists {\n\t\t\t(*sm)[svcPortName] = info\n\t\t}\n",
            )
        },
        ("SVC-011", "SVC-024", "SVC-035", "SVC-039", "SVC-041"),
    ),
    Defect(
        "headless Services are programmed",
        ("iptables", "nftables"),
        {
            SERVER: (
                'OneTermNotEqualSelector("spec.clusterIP", v1.ClusterIPNone)',
                'OneTermNotEqualSelector("spec.clusterIP", "x")',
            ),
            "pkg/proxy/util/utils.go": (
                "\tif !helper.IsServiceIPSet(service) {\n",
                '\tif !helper.IsServiceIPSet(service) && service.Spec.ClusterIP == "" {\n',
            ),
        },
        ("SVC-026",),
    ),
    Defect(
        "slices of headless Services count",
        MODES,
        {
            SERVER: (
                "options.LabelSelector = labelSelectorNoHeadlessEndpoints.String()",
                "_ = labelSelectorNoHeadlessEndpoints",
            )
        },
        ("SVC-028",),
    ),
    Defect(
        "another proxy's Services are taken, too",
        MODES,
        {
            SERVER: (
                "options.LabelSelector = labelSelectorNoProxyName.String()",
                "_ = labelSelectorNoProxyName",
            )
        },
        ("SVC-027",),
    ),
)
