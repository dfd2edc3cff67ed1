"""The defects that are tried on kind clusters when none is named: one of each kind.

A cluster is made for each, so all would take a working day; what these leave out differs from them
in the object or the address that it is about, not in what a real node has to do with it.
"""

ON_KIND = (
    "NodePorts of UDP are compared with TCP",
    "UDP entries of a NodePort stay",
    "VIPs bypass the firewall",
    "a deleted slice stays",
    "a health check port that changes stays",
    "a start cleans up its own mode, too",
    "a start empties what the one before it left",
    "affinity never recorded",
    "any hint for a node is one for this node",
    "deleted NodePorts stay",
    "deleted slices are waited for, and so kept",
    "each change brings about a full sync",
    "each change brings about a full sync of nftables",
    "endpoints of all nodes are healthy",
    "hairpin set stays empty",
    "last endpoint never chosen",
    "no masquerade for hairpin",
    "no reject without endpoints",
    "only TCP is refused",
    "only small packets are translated",
    "policy Local goes to all endpoints",
    "source address of affinity is the Service's",
    "source ranges are turned round",
    "stale UDP entries stay",
    "terminating endpoints are never used",
    "uneven probabilities",
    "unready endpoints are used",
)
