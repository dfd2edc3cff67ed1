"""Bugs of released kube-proxies that a case finds; docs/known-bugs.md has all."""

from __future__ import annotations

from fixtures.known_bugs import KnownBug

SCALED_TO_ZERO = KnownBug(
    "UDP flows go on to the last endpoint of a Service that has none any more",
    issue="k/k #139628",
    fixed="1.37",
    modes=("iptables", "nftables"),
)
DELETED = KnownBug(
    "UDP flows of a deleted Service go on to its old endpoints",
    issue="k/k #141371",
    fixed="1.38",
    modes=("iptables", "nftables"),
)
STOPS_SERVING = KnownBug(
    "UDP flows stay with an endpoint that stops serving while it terminates",
    issue="k/k #125467",
    fixed="1.32",
    modes=("iptables", "nftables"),
)
FLUSHED = KnownBug(
    "a restart of kube-proxy clears all UDP entries of Services",
    issue="k/k #122740",
    fixed="1.32",
    modes=("iptables", "nftables"),
)
SHARED_ADDRESS = KnownBug(
    "a terminating endpoint hides a ready one of the same address",
    issue="k/k #135266",
    fixed="1.36",
)
LONG_NAMES = KnownBug(
    "a Service with long names ends all syncing",
    issue="k/k #139515",
    fixed="1.37",
    modes=("nftables",),
)
LISTED_LATER = KnownBug(
    "localhost NodePorts stay closed when localhost is listed at a restart",
    issue="k/k #142183",
    fixed="1.38",
    modes=("nftables",),
)
LOCAL_CLIENTS = KnownBug(
    "pods of a node without an endpoint do not reach a Service of policy Local",
    issue="k/k #131765",
    fixed="1.34",
    modes=("nftables",),
)
EXTERNAL_IPS = KnownBug(
    "externalIPs of a Service of policy Local are refused",
    issue="k/k #121909",
    since="1.26",
    fixed="1.30",
    modes=("ipvs",),
)
INTERFACE_PREFIX = KnownBug(
    "detectLocalMode InterfaceNamePrefix fails every sync",
    issue="k/k #134024",
    fixed="1.35",
    backports=("1.34.4",),
    modes=("nftables",),
)
NO_REPAIR = KnownBug(
    "nothing repairs IPVS for an hour",
    issue="k/k #134147",
    since="1.34",
    fixed="1.36",
    backports=("1.34.4", "1.35.1"),
    modes=("ipvs",),
)
ONE_ADDRESS = KnownBug(
    "who is in a source range of one address is shut out for a moment at every sync",
    issue="not reported yet; syncIPSetEntries in k/k pkg/proxy/ipvs/ipset.go",
    fixed="",
    modes=("ipvs",),
)
"""ipset lists an entry of the range 192.0.2.7/32 without its length, so kube-proxy takes it for
another one than it wants: it deletes it, and adds it again."""

EMPTY_CHAIN = KnownBug(
    "an endpoint chain that the kube-proxy before had emptied stays empty after a restart",
    issue="epChainSkipUpdate of k/k #130119",
    since="1.33",
    fixed="1.36",
    modes=("nftables",),
)
