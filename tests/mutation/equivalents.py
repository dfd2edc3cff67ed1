"""Changes of the source that look like defects and are none, each with the reason."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPVS, NFTABLES, Defect, Equivalent

EQUIVALENTS = (
    Equivalent(
        Defect(
            "source ranges are not trimmed",
            MODES,
            {
                "pkg/proxy/serviceport.go": (
                    "strings.TrimSpace(sourceRange)",
                    'strings.TrimPrefix(sourceRange, "")',
                )
            },
            ("LB-016",),
        ),
        "MapCIDRsByIPFamily in pkg/proxy/util/utils.go trims them once more; the defect of both "
        "places is in the catalogue",
    ),
    Equivalent(
        Defect(
            "refused packets at the loopback go on",
            ("nftables",),
            {
                NFTABLES: (
                    'fmt.Sprintf("%q", counter), "reject"),',
                    'fmt.Sprintf("%q", counter), "accept"),',
                )
            },
            ("NP-007", "NP-008"),
        ),
        "the kernel itself refuses what no process listens for, and the counter counts before the "
        "verdict; only a process at the same number of the loopback would tell",
    ),
    Equivalent(
        Defect(
            "a node in a range may not use its own VIP",
            ("ipvs",),
            {
                IPVS: (
                    "\t\t\t\t\t\tIP2:      ingress.String(),\n",
                    "\t\t\t\t\t\tIP2:      proxier.nodeIP.String(),\n",
                )
            },
            ("LB-012",),
        ),
        "packets whose source is the VIP are the node's own, which pass OUTPUT only; the set is "
        "read in KUBE-SOURCE-RANGES-FIREWALL, where INPUT and FORWARD lead",
    ),
    Equivalent(
        Defect(
            "every UDP flow of a Service counts as stale",
            ("ipvs",),
            {
                "pkg/proxy/conntrack/cleanup.go": (
                    (
                        "\t\tendpoints, ok := serviceIPEndpoints[net.JoinHostPort(origDst, "
                        "origPortDstStr)]\n\t\tif ok && !endpoints.Has("
                    ),
                    (
                        "\t\tendpoints, ok := serviceIPEndpoints[net.JoinHostPort(origDst, "
                        "origPortDstStr)]\n\t\tif ok || !endpoints.Has("
                    ),
                )
            },
            ("LIFE-004",),
        ),
        "which server has a flow is in IPVS's own table, where nobody deletes it; a flow that "
        "conntrack forgets is entered there again as it was",
    ),
    Equivalent(
        Defect(
            "headless Services are programmed",
            ("ipvs",),
            {
                "cmd/kube-proxy/app/server.go": (
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
        "the kernel takes no virtual server without an address, ipset no entry without one, "
        "and the sync goes on to the next Service (syncService)",
    ),
    Equivalent(
        Defect(
            "the zone arrives before anybody listens",
            MODES,
            {
                "cmd/kube-proxy/app/server.go": (
                    "\t\tnodeTopologyConfig.RegisterEventHandler(s.Proxier)\n",
                    (
                        "\t\ttime.Sleep(time.Second)\n"
                        "\t\tnodeTopologyConfig.RegisterEventHandler(s.Proxier)\n"
                    ),
                )
            },
            ("TOP-001", "TOP-002"),
        ),
        "unchanged kube-proxy misses its node's zone now and then as well (docs/known-bugs.md), "
        "so fixtures/zones.py has each one hear of it again before cases that need it",
    ),
    Equivalent(
        Defect(
            "a change back within one sync is lost",
            MODES,
            {
                "pkg/proxy/endpointslicecache.go": (
                    "\t\tif pendingOk {\n\t\t\treturn !reflect.DeepEqual(esData, pendingData)\n",
                    (
                        "\t\tif pendingOk && !appliedOk {\n"
                        "\t\t\treturn !reflect.DeepEqual(esData, pendingData)\n"
                    ),
                )
            },
            ("SVC-043",),
        ),
        "slices are compared whole, with their resourceVersion, so one that is written back is "
        "never taken for the one before",
    ),
)
