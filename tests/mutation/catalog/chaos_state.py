"""Defects of what kube-proxy remembers while it cannot work, restarts, or is told too much."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

RUNNER = "pkg/proxy/runner/bounded_frequency_runner.go"
SLICES = "pkg/proxy/endpointslicecache.go"
CONFIG = "pkg/proxy/config/config.go"
HEALTH = "pkg/proxy/healthcheck/proxy_health.go"
CONNTRACK = "pkg/proxy/conntrack/cleanup.go"
COMMANDS = "pkg/util/iptables/iptables.go"
IPSET = "pkg/proxy/ipvs/ipset.go"
SERVER = "cmd/kube-proxy/app/server.go"
NETLINK = "pkg/proxy/ipvs/netlink_linux.go"

_CLEAN = """func CleanStaleEntries(ct Interface, ipFamily v1.IPFamily,
	svcPortMap proxy.ServicePortMap, endpointsMap proxy.EndpointsMap) {

"""

_WAITS = """	for {
		select {
		case <-stop:
			klog.V(3).InfoS("Loop stopping", "runner", bfr.name)
			return
		case <-bfr.nextRunTimer.C(): // Wait on the single timer
		case <-bfr.run:
		}
"""

_BY_THE_WALL = (
    "\tvar earliest time.Time\n"
    + _WAITS
    + """		for time.Now().Round(0).Before(earliest) {
			time.Sleep(bfr.minInterval)
		}
		earliest = time.Now().Round(0).Add(bfr.minInterval)
"""
)

_ALL_ADDRESSES = "func (h *netlinkHandle) GetAllLocalAddressesExcept(dev string) "

_ADDRESSES_ONCE = (
    "var seenOnce = map[bool]sets.Set[string]{}\n\n"
    + _ALL_ADDRESSES
    + """(sets.Set[string], error) {
	if seenOnce[h.isIPv6] == nil {
		found, err := h.allLocalAddressesExcept(dev)
		if err != nil {
			return nil, err
		}
		seenOnce[h.isIPv6] = found
	}
	return seenOnce[h.isIPv6].Clone(), nil
}

"""
    + _ALL_ADDRESSES.replace("GetAll", "all")
)

_RESTORE = """	cmd := runner.exec.Command(iptablesRestoreCmd, fullArgs...)
	cmd.SetStdin(bytes.NewBuffer(data))
	b, err := cmd.CombinedOutput()
	if err != nil {
		pErr"""

_BY_A_FILE = """	script := `f=$(mktemp) && cat > $f && "$0" "$@" < $f; s=$?; rm -f $f; exit $s`
	args = append([]string{"-c", script, iptablesRestoreCmd}, fullArgs...)
	cmd := runner.exec.Command("sh", args...)
	cmd.SetStdin(bytes.NewBuffer(data))
	b, err := cmd.CombinedOutput()
	if err != nil {
		pErr"""

_RUN = """	err = proxier.nftables.Run(context.TODO(), tx)
	if err != nil {
		proxier.logger.Error(err, "nftables sync failed")
"""

_RUN_BY_A_FILE = """	err = exec.Command("sh", "-c", "f=$(mktemp) && rm $f").Run()
	if err == nil {
		err = proxier.nftables.Run(context.TODO(), tx)
	}
	if err != nil {
		proxier.logger.Error(err, "nftables sync failed")
"""

OF_CHURN = (
    Defect(
        "of two changes of a slice between two syncs the first counts",
        MODES,
        {
            SLICES: (
                (
                    "\tif changed {\n"
                    "\t\tcache.trackerByServiceMap[serviceKey].pending[sliceKey] = esData\n\t}\n"
                ),
                (
                    "\tpending := cache.trackerByServiceMap[serviceKey].pending\n"
                    "\tif _, found := pending[sliceKey]; changed && !found {\n"
                    "\t\tpending[sliceKey] = esData\n\t}\n"
                ),
            )
        },
        ("CHA-041",),
    ),
    Defect(
        "a server that returns while it drains stays at weight 0",
        ("ipvs",),
        {
            IPVS: (
                "\t\t\tif !proxier.gracefuldeleteManager.InTerminationList(uniqueRS) {\n",
                '\t\t\tif uniqueRS != "" {\n',
            )
        },
        ("CHA-040",),
    ),
    Defect(
        "what Services leave is never cleaned up",
        MODES,
        {
            IPTABLES: (
                "range existingNATChains.Difference(activeNATChains) {",
                "range existingNATChains.Difference(existingNATChains) {",
            ),
            IPSET: (
                "range currentIPSetEntries.Difference(set.activeEntries).UnsortedList() {",
                "range currentIPSetEntries.Difference(currentIPSetEntries).UnsortedList() {",
            ),
            NFTABLES: (
                "\tfor key := range s.leftoverKeys {\n\t\te := &knftables.Element{",
                "\tfor key := range map[string]bool{} {\n\t\te := &knftables.Element{",
            ),
        },
        ("CHA-060",),
    ),
)

OF_RESTARTS = (
    Defect(
        "a start empties what the one before it left",
        MODES,
        {
            IPTABLES: (
                '\tlogger.V(2).Info("Iptables sync params"',
                (
                    "\t_ = ipt.FlushChain(utiliptables.TableNAT, kubeServicesChain)\n"
                    '\tlogger.V(2).Info("Iptables sync params"'
                ),
            ),
            IPVS: (
                '\tlogger.V(2).Info("ipvs sync params"',
                '\t_ = ipvs.Flush()\n\tlogger.V(2).Info("ipvs sync params"',
            ),
            NFTABLES: (
                '\tlogger.V(2).Info("NFTables sync params"',
                (
                    "\ttx := nft.NewTransaction()\n"
                    "\ttx.Add(&knftables.Table{})\n\ttx.Delete(&knftables.Table{})\n"
                    "\t_ = nft.Run(ctx, tx)\n"
                    '\tlogger.V(2).Info("NFTables sync params"'
                ),
            ),
        },
        ("CHA-001", "CHA-003"),
    ),
    Defect(
        "the first sync leaves stale flows of UDP",
        ("iptables", "nftables"),
        {
            CONNTRACK: (
                _CLEAN,
                "var looked = map[v1.IPFamily]bool{}\n\n"
                + _CLEAN
                + "\tif !looked[ipFamily] {\n\t\tlooked[ipFamily] = true\n\t\treturn\n\t}\n",
            )
        },
        ("CHA-001",),
    ),
)

OF_FAULTS = (
    Defect(
        "a connection that died in silence is not noticed",
        MODES,
        {
            SERVER: (
                "\tkubeConfig.Burst = int(config.Burst)\n",
                (
                    "\tkubeConfig.Burst = int(config.Burst)\n"
                    '\t_ = os.Setenv("HTTP2_READ_IDLE_TIMEOUT_SECONDS", "0")\n'
                ),
            )
        },
        ("CHA-014",),
    ),
    Defect(
        "a slice whose deletion was not seen stays",
        MODES,
        {
            CONFIG: (
                "if endpointSlice, ok = tombstone.Obj.(*discoveryv1.EndpointSlice); !ok {",
                "if endpointSlice, ok = tombstone.Obj.(*discoveryv1.EndpointSlice); ok || !ok {",
            )
        },
        ("CHA-013",),
    ),
    Defect(
        "a partial sync that failed is tried again as one",
        ("iptables",),
        {
            IPTABLES: (
                "\t\t\t// a partial sync.\n\t\t\tproxier.needFullSync = true\n",
                "\t\t\t// a partial sync.\n",
            )
        },
        ("CHA-038",),
    ),
    Defect(
        "a set that could not be made is the end of all syncs",
        ("ipvs",),
        {
            IPVS: (
                "\t\tif err := ensureIPSet(set); err != nil {\n\t\t\treturn\n",
                (
                    "\t\tif err := ensureIPSet(set); err != nil {\n"
                    "\t\t\tproxier.setInitialized(false)\n\t\t\treturn\n"
                ),
            )
        },
        ("CHA-037",),
    ),
    Defect(
        "a kube-proxy that was late once is late for ever",
        MODES,
        {
            HEALTH: (
                "\tdelete(hs.oldestPendingQueuedMap, ipFamily)\n",
                (
                    "\tif since, set := hs.oldestPendingQueuedMap[ipFamily]; set && "
                    "hs.clock.Since(since) < hs.healthTimeout {\n"
                    "\t\tdelete(hs.oldestPendingQueuedMap, ipFamily)\n\t}\n"
                ),
            )
        },
        ("CHA-037",),
    ),
    Defect(
        "syncs wait by the clock on the wall",
        MODES,
        {RUNNER: (_WAITS, _BY_THE_WALL)},
        ("CHA-032",),
    ),
    Defect(
        "rules are written to a file first",
        MODES,
        {COMMANDS: (_RESTORE, _BY_A_FILE), NFTABLES: (_RUN, _RUN_BY_A_FILE)},
        ("CHA-036",),
    ),
    Defect(
        "the node's addresses are looked up once",
        ("ipvs",),
        {NETLINK: (_ALL_ADDRESSES, _ADDRESSES_ONCE)},
        ("CHA-039",),
    ),
)

DEFECTS = OF_CHURN + OF_RESTARTS + OF_FAULTS
