"""Defects that only churn, a restart or a fault reveals."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPVS, Defect

RUNNER = "pkg/proxy/runner/bounded_frequency_runner.go"
SLICES = "pkg/proxy/endpointslicecache.go"
SERVER = "cmd/kube-proxy/app/server.go"
GRACEFUL = "pkg/proxy/ipvs/graceful_termination.go"
CONNTRACK = "pkg/proxy/conntrack/cleanup.go"

_CLIENT = """	kubeConfig.Burst = int(config.Burst)

	client, err := clientset.NewForConfig(kubeConfig)
	if err != nil {
		return nil, err
	}

	return client, nil
}

"""

_ONCE = """type once struct {
	next http.RoundTripper
}

func (o once) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(request)
	if err != nil && request.URL.Query().Get("watch") != "" {
		select {}
	}
	return response, err
}

"""

_CLEAN = """func CleanStaleEntries(ct Interface, ipFamily v1.IPFamily,
	svcPortMap proxy.ServicePortMap, endpointsMap proxy.EndpointsMap) {

"""

OF_CHURN = (
    Defect(
        "a change during a sync asks for no sync",
        MODES,
        {
            RUNNER: (
                "\t\t\terr = bfr.fn()\n\t\t}()\n",
                (
                    "\t\t\terr = bfr.fn()\n\t\t}()\n"
                    "\t\tselect {\n\t\tcase <-bfr.run:\n\t\tdefault:\n\t\t}\n"
                ),
            )
        },
        ("CHA-041", "CHA-040"),
    ),
    Defect(
        "of slices that change together one is applied",
        MODES,
        {
            SLICES: (
                "\t\t\tdelete(esTracker.pending, name)\n",
                "\t\t\tclear(esTracker.pending)\n",
            )
        },
        ("CHA-045", "CHA-043"),
    ),
    Defect(
        "an endpoint that is in two slices goes with the first",
        MODES,
        {
            SLICES: (
                "\t\t\tif sliceData.remove {\n\t\t\t\tdelete(esTracker.applied, name)\n",
                (
                    "\t\t\tif sliceData.remove {\n"
                    "\t\t\t\tfor other, kept := range esTracker.applied {\n"
                    "\t\t\t\t\tfor _, gone := range sliceData.endpointSlice.Endpoints {\n"
                    "\t\t\t\t\t\tfor _, left := range kept.endpointSlice.Endpoints {\n"
                    "\t\t\t\t\t\t\tif gone.Addresses[0] == left.Addresses[0] {\n"
                    "\t\t\t\t\t\t\t\tdelete(esTracker.applied, other)\n"
                    "\t\t\t\t\t\t\t}\n\t\t\t\t\t\t}\n\t\t\t\t\t}\n\t\t\t\t}\n"
                    "\t\t\t\tdelete(esTracker.applied, name)\n"
                ),
            )
        },
        ("CHA-045",),
    ),
    Defect(
        "of servers that go together one is left",
        ("ipvs",),
        {
            IPVS: (
                "range curEndpoints.Difference(newEndpoints).UnsortedList() {",
                (
                    "range curEndpoints.Difference(newEndpoints).UnsortedList()"
                    "[min(1, max(0, curEndpoints.Difference(newEndpoints).Len()-1)):] {"
                ),
            )
        },
        ("CHA-040", "CHA-041"),
    ),
    Defect(
        "a server that goes is deleted with its connections",
        ("ipvs",),
        {
            GRACEFUL: (
                "rs.ActiveConn+rs.InactiveConn != 0 {",
                "rs.ActiveConn+rs.InactiveConn < 0 {",
            )
        },
        ("CHA-040",),
    ),
    Defect(
        # IPVS itself takes a flow from a server that is gone (expire_nodest_conn).
        "stale flows of UDP are looked for a few times only",
        ("iptables", "nftables"),
        {
            CONNTRACK: (
                _CLEAN,
                "var cleanings int\n\n"
                + _CLEAN
                + "\tif cleanings++; cleanings > 6 {\n\t\treturn\n\t}\n",
            )
        },
        ("CHA-040",),
    ),
)

OF_RESTARTS = (
    Defect(
        "a start deletes servers that still drain",
        ("ipvs",),
        {
            IPVS: (
                (
                    '\t\tproxier.logger.V(5).Info("Using graceful delete", "uniqueRealServer", '
                    "uniqueRS)\n"
                ),
                (
                    "\t\tif proxier.initialSync {\n"
                    "\t\t\t_ = proxier.ipvs.DeleteRealServer(appliedVirtualServer, delDest)\n"
                    "\t\t\tcontinue\n\t\t}\n"
                ),
            )
        },
        ("CHA-001", "CHA-003"),
    ),
)

OF_FAULTS = (
    Defect(
        "a connection to the API server that failed is not made again",
        MODES,
        {
            SERVER: (
                _CLIENT,
                _CLIENT.replace(
                    "\tclient, err",
                    "\tkubeConfig.Wrap(func(next http.RoundTripper) http.RoundTripper {\n"
                    "\t\treturn once{next}\n\t})\n\tclient, err",
                )
                + _ONCE,
            )
        },
        ("CHA-010", "CHA-013"),
    ),
    Defect(
        "a failed sync is not tried again",
        ("iptables", "nftables"),
        {RUNNER: ("\t\tif err != nil {\n\t\t\t// If error", "\t\tif false {\n\t\t\t// If error")},
        ("CHA-033",),
    ),
)

DEFECTS = OF_CHURN + OF_RESTARTS + OF_FAULTS
