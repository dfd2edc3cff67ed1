"""Pure judges and models of what kube-proxy must do: no I/O, nothing of a cluster or a report."""
