"""Defects of Services and their EndpointSlices: what is tracked, kept, renamed and taken away."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

SLICES = "pkg/proxy/endpointslicecache.go"
ENDPOINTS = "pkg/proxy/endpointschangetracker.go"
SERVICES = "pkg/proxy/servicechangetracker.go"
SERVER = "cmd/kube-proxy/app/server.go"

TRACKING = (
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
        "a change back within one sync is lost",
        MODES,
        {
            SLICES: (
                "\t\tif pendingOk {\n\t\t\treturn !reflect.DeepEqual(esData, pendingData)\n",
                (
                    "\t\tif pendingOk && !appliedOk {\n"
                    "\t\t\treturn !reflect.DeepEqual(esData, pendingData)\n"
                ),
            )
        },
        ("SVC-037",),
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
        ("SVC-036",),
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
        MODES,
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

IN_IPTABLES = (
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

IN_IPVS = (
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

IN_NFTABLES = (
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
        ("NEP-002",),
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

DEFECTS = (*TRACKING, *IN_IPTABLES, *IN_IPVS, *IN_NFTABLES)
