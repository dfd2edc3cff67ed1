"""Defects of lives and of what modes keep: restarts, repair, clean-up, stale state, batching."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

APP = "cmd/kube-proxy/app/server_linux.go"
NODE = "pkg/proxy/node.go"
RUNNER = "pkg/proxy/runner/bounded_frequency_runner.go"
SLICES = "pkg/proxy/endpointslicecache.go"
CONNTRACK = "pkg/proxy/conntrack/cleanup.go"
IPTABLES_CLEANUP = "pkg/proxy/iptables/cleanup.go"
IPVS_CLEANUP = "pkg/proxy/ipvs/cleanup.go"

RESTARTS = (
    Defect(
        "a start cleans up its own mode, too",
        MODES,
        {
            "cmd/kube-proxy/app/options.go": (
                "platformCleanup(ctx, o.config.Mode, o.CleanupAndExit)",
                "platformCleanup(ctx, o.config.Mode, true)",
            )
        },
        ("LIFE-001",),
    ),
    Defect(
        "weights are not reset at a start",
        ("ipvs",),
        {IPVS: ("\t\t\tif proxier.initialSync {\n", "\t\t\tif false && proxier.initialSync {\n")},
        ("LIFE-003",),
    ),
    Defect(
        "every UDP flow of a Service counts as stale",
        ("iptables", "nftables"),
        {
            CONNTRACK: (
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
    Defect(
        "another address of the Node is overlooked",
        MODES,
        {
            NODE: (
                "if !reflect.DeepEqual(n.nodeIPs, nodeIPs) {",
                "if len(n.nodeIPs) != len(nodeIPs) {",
            )
        },
        ("LIFE-012",),
    ),
)

REPAIR = (
    Defect(
        "lost rules bring about a partial sync",
        ("iptables",),
        {
            IPTABLES: (
                "\tproxier.needFullSync = true\n\tproxier.mu.Unlock()\n\n\tproxier.syncProxyRules",
                "\tproxier.mu.Unlock()\n\n\tproxier.syncProxyRules",
            )
        },
        ("LIFE-006",),
    ),
    Defect(
        "a failed partial sync is tried again as one",
        ("nftables",),
        {
            NFTABLES: (
                "\t\t\t// a partial sync.\n\t\t\tproxier.needFullSync = true\n",
                "\t\t\t// a partial sync.\n",
            )
        },
        ("NFT-003",),
    ),
    Defect(
        "a full sync each hour only",
        ("ipvs",),
        {
            IPVS: (
                "proxier.syncProxyRules, minSyncPeriod, syncPeriod, syncPeriod)",
                "proxier.syncProxyRules, minSyncPeriod, syncPeriod, proxyutil.FullSyncPeriod)",
            )
        },
        ("IPVS-006", "LIFE-006"),
    ),
    Defect(
        "excluded virtual servers are deleted",
        ("ipvs",),
        {IPVS: ("\t\tif excludedCIDR.Contains(ip) {\n", "\t\tif excludedCIDR.IP.Equal(ip) {\n")},
        ("LIFE-007",),
    ),
    Defect(
        "rules of others are restored away",
        ("iptables",),
        {
            IPTABLES: (
                "RestoreAll(proxier.iptablesData.Bytes(), utiliptables.NoFlushTables, ",
                "RestoreAll(proxier.iptablesData.Bytes(), utiliptables.FlushTables, ",
            )
        },
        ("LIFE-007",),
    ),
)

CLEANUP = (
    Defect(
        "jumps are not cleaned up",
        ("iptables",),
        {
            IPTABLES_CLEANUP: (
                "range append(iptablesJumpChains, iptablesCleanupOnlyChains...)",
                "range iptablesCleanupOnlyChains",
            )
        },
        ("LIFE-009", "LIFE-010"),
    ),
    Defect(
        "virtual servers are not cleaned up",
        ("ipvs",),
        {IPVS_CLEANUP: ("\tif ipvs != nil {\n", "\tif ipvs == nil {\n")},
        ("LIFE-009",),
    ),
    Defect(
        "nftables mode starts beside the rules of iptables",
        ("nftables",),
        {APP: ("if !isIPTablesBased(mode) || cleanupAndExit {", "if cleanupAndExit {")},
        ("LIFE-010",),
    ),
    Defect(
        "iptables and IPVS start beside the table of nftables",
        ("iptables", "nftables"),
        {APP: ("if isIPTablesBased(mode) || cleanupAndExit {", "if cleanupAndExit {")},
        ("LIFE-010",),
    ),
)

OF_TABLES = (
    Defect(
        "stale chains are never deleted",
        ("nftables",),
        {NFTABLES: ("\t\t\t\tproxier.staleChains[chain] = start\n", "")},
        ("NFT-001",),
    ),
    Defect(
        "affinity sets stay",
        ("nftables",),
        {NFTABLES: ("\t\tif !activeAffinitySets.Has(set) {\n", "\t\tif set == servicesChain {\n")},
        ("NFT-001",),
    ),
    Defect(
        "chains are emptied before they are filled",
        ("iptables",),
        {
            IPTABLES: (
                "\terr := proxier.iptables.RestoreAll(",
                (
                    '\tempty := append([]byte("*nat\\n"), proxier.natChains.Bytes()...)\n'
                    '\t_ = proxier.iptables.RestoreAll(append(empty, "COMMIT\\n"...), '
                    "utiliptables.NoFlushTables, utiliptables.RestoreCounters)\n"
                    "\terr := proxier.iptables.RestoreAll("
                ),
            )
        },
        ("NFT-002",),
    ),
    Defect(
        "stale chains of a large cluster are never deleted",
        ("iptables",),
        {
            IPTABLES: (
                (
                    "if !proxier.largeClusterMode || time.Since(proxier.lastIPTablesCleanup) > "
                    "proxier.syncPeriod {"
                ),
                "if !proxier.largeClusterMode {",
            )
        },
        ("IPT-002",),
    ),
    Defect(
        "minSyncPeriod is ignored",
        MODES,
        {
            RUNNER: (
                "bfr.minIntervalTimer.Reset(bfr.minInterval)",
                "bfr.minIntervalTimer.Reset(0)",
            )
        },
        ("IPT-003",),
    ),
    Defect(
        "a change during a minSyncPeriod asks for no sync",
        MODES,
        {
            RUNNER: (
                "\t\tcase <-bfr.minIntervalTimer.C():\n\t\t}\n",
                (
                    "\t\tcase <-bfr.minIntervalTimer.C():\n\t\t}\n"
                    "\t\tselect {\n\t\tcase <-bfr.run:\n\t\tdefault:\n\t\t}\n"
                ),
            )
        },
        ("IPT-001", "IPT-003"),
    ),
    Defect(
        "deleted slices are waited for, and so kept",
        MODES,
        {
            SLICES: (
                "\t\t\t\tdelete(esTracker.applied, name)\n",
                (
                    "\t\t\t\tgo func(kept *endpointSliceData) { select {}; _ = *kept }"
                    "(esTracker.applied[name])\n"
                    "\t\t\t\tdelete(esTracker.applied, name)\n"
                ),
            )
        },
        ("RES-001",),
    ),
)

DEFECTS = RESTARTS + REPAIR + CLEANUP + OF_TABLES
