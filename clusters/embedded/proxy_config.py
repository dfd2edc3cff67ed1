"""The KubeProxyConfiguration of an embedded node: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.embedded.addresses import POD_NETWORK
from clusters.protocol import HEALTHZ_PORT, METRICS_PORT, merge

if TYPE_CHECKING:
    from clusters.protocol import ProxySpec


def render(spec: ProxySpec, *, node: str, kubeconfig: str) -> dict[str, Any]:
    """Return a kubeproxy.config.k8s.io/v1alpha1 configuration.

    The minimum sync periods are far below the defaults of 1 s: every case waits for a sync, and a
    build that is right at 50 ms batches the same way at 1 s. Conntrack limits are left as the
    node's kernel has them, since a node is sized for probes and not for kube-proxy's default.
    """
    base: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": "0.0.0.0",  # noqa: S104 - inside the run's own namespaces
        "clientConnection": {"kubeconfig": kubeconfig, "qps": 50, "burst": 100},
        "clusterCIDR": ",".join(str(network) for network in POD_NETWORK.values()),
        "conntrack": {"maxPerCore": 0, "min": 0},
        "healthzBindAddress": f"0.0.0.0:{HEALTHZ_PORT}",
        "hostnameOverride": node,
        "metricsBindAddress": f"0.0.0.0:{METRICS_PORT}",
        "mode": spec.mode,
        "iptables": {"minSyncPeriod": "50ms", "syncPeriod": "30s"},
        "ipvs": {"minSyncPeriod": "50ms", "syncPeriod": "30s"},
        "nftables": {"minSyncPeriod": "50ms", "syncPeriod": "30s"},
    }
    return merge(base, spec.config)
