"""Where a run takes place: the protocol of clusters and its providers."""
