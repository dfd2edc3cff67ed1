"""Defects that answer every packet rightly, and cost too much."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

RUNNER = "pkg/proxy/runner/bounded_frequency_runner.go"
SERVICES = "pkg/proxy/servicechangetracker.go"
ENDPOINTS = "pkg/proxy/endpointschangetracker.go"

START = "\t// Keep track of how long syncs take.\n\tstart := time.Now()\n"
SLEEP = "\tif !proxier.needFullSync {\n\t\ttime.Sleep(15 * time.Second)\n\t}\n"

DEFECTS = (
    Defect(
        "each change brings about a full sync",
        ("iptables",),
        {
            IPTABLES: (
                "\tdoFullSync := proxier.needFullSync ||\n",
                "\tdoFullSync := proxier.needFullSync || true ||\n",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "each change brings about a full sync of nftables",
        ("nftables",),
        {
            NFTABLES: (
                "\tdoFullSync := proxier.needFullSync || ",
                "\tdoFullSync := proxier.needFullSync || true || ",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in iptables mode",
        ("iptables",),
        {IPTABLES: (START, START + SLEEP)},
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in nftables mode",
        ("nftables",),
        {NFTABLES: (START, START + SLEEP)},
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in ipvs mode",
        ("ipvs",),
        {IPVS: (START, START + SLEEP.replace("needFullSync", "initialSync"))},
        ("LOAD-010",),
    ),
    Defect(
        "a sync is followed by three more",
        MODES,
        {
            RUNNER: (
                "\t\t\terr = bfr.fn()\n",
                "\t\t\tfor range 3 {\n\t\t\t\t_ = bfr.fn()\n\t\t\t}\n\t\t\terr = bfr.fn()\n",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "iptables is started for every jump at each sync",
        ("iptables",),
        {
            IPTABLES: (
                "\tif doFullSync {\n\t\t// Ensure that our jump rules",
                "\tif doFullSync || !doFullSync {\n\t\t// Ensure that our jump rules",
            )
        },
        ("LOAD-011",),
    ),
    Defect(
        "a partial sync writes all Services",
        ("nftables",),
        {
            NFTABLES: (
                "\t\tskipServiceUpdate := !doFullSync &&\n",
                "\t\tskipServiceUpdate := false && !doFullSync &&\n",
            )
        },
        ("LOAD-011",),
    ),
    Defect(
        "each Service has two rules in the chain of all Services",
        ("iptables",),
        {
            IPTABLES: (
                "\t\tif hasInternalEndpoints {\n\t\t\tnatRules.Write(\n",
                (
                    "\t\tif hasInternalEndpoints {\n\t\t\tnatRules.Write(\n"
                    '\t\t\t\t"-A", string(kubeServicesChain), "-p", protocol,\n'
                    '\t\t\t\t"-d", svcInfo.ClusterIP().String())\n\t\t\tnatRules.Write(\n'
                ),
            )
        },
        ("LOAD-011",),
    ),
    Defect(
        "packets pass a rule of each Service before the map",
        ("nftables",),
        {
            NFTABLES: (
                "\t\tif hasInternalEndpoints {\n\t\t\tproxier.serviceIPs.ensureElem(",
                (
                    "\t\tif hasInternalEndpoints && !skipServiceUpdate {\n"
                    "\t\t\ttx.Insert(&knftables.Rule{Chain: servicesChain, Rule: knftables.Concat("
                    'ipX, "daddr", svcInfo.ClusterIP().String(), "counter")})\n\t\t}\n'
                    "\t\tif hasInternalEndpoints {\n\t\t\tproxier.serviceIPs.ensureElem("
                ),
            )
        },
        ("LOAD-011",),
    ),
    Defect(
        "packets pass a rule of each Service before the sets",
        ("ipvs",),
        {
            IPVS: (
                "\t\tproxier.ipsetList[kubeClusterIPSet].activeEntries.Insert(entry.String())\n",
                (
                    "\t\tproxier.ipsetList[kubeClusterIPSet].activeEntries.Insert(entry.String())\n"
                    '\t\tproxier.natRules.Write("-A", string(kubeServicesChain), "-d", '
                    "svcInfo.ClusterIP().String())\n"
                ),
            )
        },
        ("LOAD-011",),
    ),
    Defect(
        "a minSyncPeriod lasts a tenth of what it should",
        MODES,
        {RUNNER: ("\t\tminInterval:   minInterval,\n", "\t\tminInterval:   minInterval / 10,\n")},
        ("LOAD-013",),
    ),
    Defect(
        "each Service that has gone is kept",
        MODES,
        {
            SERVICES: (
                (
                    "func (sm *ServicePortMap) unmerge(other ServicePortMap) {\n"
                    "\tfor svcPortName, info := range other {\n"
                ),
                (
                    "var gone []ServicePort\n\n"
                    "func (sm *ServicePortMap) unmerge(other ServicePortMap) {\n"
                    "\tfor svcPortName, info := range other {\n\t\tgone = append(gone, info)\n"
                ),
            )
        },
        ("LOAD-014",),
    ),
    Defect(
        "each sync looks through conntrack",
        MODES,
        {
            ENDPOINTS: (
                "\tif ect == nil {\n\t\treturn result\n",
                (
                    "\tresult.ConntrackCleanupRequired = true\n"
                    "\tif ect == nil {\n\t\treturn result\n"
                ),
            )
        },
        ("LOAD-015",),
    ),
)
