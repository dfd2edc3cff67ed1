"""Defects put into kube-proxy's source, each with the case that has to find it.

The texts are those of v1.37.2; a text that is not there exactly once fails the build of the
defect, so a defect can never silently be none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusters.protocol import Mode

VERSION = "v1.37.2"

IPTABLES = "pkg/proxy/iptables/proxier.go"
IPVS = "pkg/proxy/ipvs/proxier.go"
NFTABLES = "pkg/proxy/nftables/proxier.go"


@dataclass(frozen=True, slots=True)
class Defect:
    """A change of one place in the source, and the id of the case that names it."""

    name: str
    mode: Mode
    file: str
    old: str
    new: str
    caught_by: str

    @property
    def edits(self) -> dict[str, tuple[str, str]]:
        """Return the change as the overlay build takes it."""
        return {self.file: (self.old, self.new)}


ALWAYS_READY = (
    "pkg/proxy/endpointslicecache.go",
    "ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready\n",
    "ready := true || endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready\n",
)
STALE_CONNTRACK = (
    "pkg/proxy/conntrack/cleanup.go",
    "\tentries, err := ct.ListEntries(ipFamilyMap[ipFamily])\n",
    "\treturn\n\tentries, err := ct.ListEntries(ipFamilyMap[ipFamily])\n",
)

DEFECTS = (
    Defect(
        "uneven probabilities",
        "iptables",
        IPTABLES,
        'fmt.Sprintf("%0.10f", 1.0/float64(n))',
        'fmt.Sprintf("%0.10f", 1.0/float64(n+1))',
        "SCH-010",
    ),
    Defect(
        "no reject without endpoints",
        "iptables",
        IPTABLES,
        'internalTrafficFilterTarget = "REJECT"',
        'internalTrafficFilterTarget = "DROP"',
        "NEP-001",
    ),
    Defect(
        "no masquerade for hairpin",
        "iptables",
        IPTABLES,
        '\t\t\t\t"-s", epInfo.IP(),\n',
        '\t\t\t\t"-s", "192.0.2.1",\n',
        "SVC-007",
    ),
    Defect(
        "affinity never recorded",
        "iptables",
        IPTABLES,
        '"-m", "recent", "--name", string(endpointChain), "--set")',
        '"-m", "comment", "--comment", string(endpointChain))',
        "AFF-001",
    ),
    Defect("unready endpoints are used", "iptables", *ALWAYS_READY, "SVC-015"),
    Defect(
        "last endpoint never chosen",
        "nftables",
        NFTABLES,
        '"dnat", ipX, "addr . port to",\n\t\t\t"numgen random mod", len(endpoints),',
        '"dnat", ipX, "addr . port to",\n\t\t\t"numgen random mod", len(endpoints)/2+1,',
        "SVC-001",
    ),
    Defect(
        "hairpin set stays empty",
        "nftables",
        NFTABLES,
        "\t\t\tif epInfo.IsLocal() {\n\t\t\t\tproxier.hairpinConnections",
        '\t\t\tif epInfo.IsLocal() && epInfo.IP() == "" {\n\t\t\t\tproxier.hairpinConnections',
        "SVC-007",
    ),
    Defect(
        "no masquerade for NodePort",
        "nftables",
        NFTABLES,
        "\t\t\tif !svcInfo.ExternalPolicyLocal() {\n"
        "\t\t\t\t// If we are using non-local endpoints we need to masquerade,",
        "\t\t\tif !svcInfo.ExternalPolicyLocal() && svcInfo.NodePort() == 0 {\n"
        "\t\t\t\t// If we are using non-local endpoints we need to masquerade,",
        "NP-003",
    ),
    Defect("stale UDP entries stay", "nftables", *STALE_CONNTRACK, "CT-001"),
    Defect(
        "scheduler ignored",
        "ipvs",
        IPVS,
        "\tscheduler := config.IPVS.Scheduler\n",
        '\tscheduler := config.IPVS.Scheduler\n\tscheduler = ""\n',
        "SCH-003",
    ),
    Defect(
        "hairpin set stays empty",
        "ipvs",
        IPVS,
        "\t\t\tproxier.ipsetList[kubeLoopBackIPSet].activeEntries.Insert(entry.String())\n",
        "",
        "SVC-007",
    ),
    Defect(
        "new endpoints get weight 0",
        "ipvs",
        IPVS,
        "\t\t\tWeight:  1,\n",
        "\t\t\tWeight:  0,\n",
        "SVC-001",
    ),
    Defect("stale UDP entries stay", "ipvs", *STALE_CONNTRACK, "CT-001"),
    Defect("unready endpoints are used", "ipvs", *ALWAYS_READY, "SVC-015"),
)
