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
)
