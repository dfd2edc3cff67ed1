"""kind's configuration: a base, and what the run asks for over it; pure.

The API is kind.x-k8s.io/v1alpha4 (kind pkg/apis/config/v1alpha4/types.go); the patches are merged
into the kubeadm configuration by their kinds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from clusters.protocol import ZONE, merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from clusters.protocol import Family, Mode

NAME = "kp"
"""Of the cluster in its own dockerd: nodes are kp-control-plane, kp-worker, kp-worker2 ..."""

ZONES = ("zone-a", "zone-b", "zone-c")
PODS: Mapping[Family, str] = {"ipv4": "10.244.0.0/16", "ipv6": "fd00:10:244::/56"}
SERVICES: Mapping[Family, str] = {"ipv4": "10.96.0.0/16", "ipv6": "fd00:10:96::/112"}
"""kind's own choice (pkg/apis/config/v1alpha4/default.go)."""

CONTROL_PLANE: dict[str, Any] = {
    "kind": "ClusterConfiguration",
    # Nothing here outlives the run, so etcd needs neither a disk nor to wait for one.
    "etcd": {"local": {"dataDir": "/tmp/etcd", "extraArgs": {"unsafe-no-fsync": "true"}}},  # noqa: S108
    # Nobody else asks, so requests need no queues.
    "apiServer": {
        "extraArgs": {"enable-priority-and-fairness": "false", "profiling": "false"},
        # kubeadm's bound; ours is on all of what kind does.
        "timeoutForControlPlane": "15m0s",
    },
    "controllerManager": {
        "extraArgs": {
            "leader-elect": "false",
            "profiling": "false",
            # It starts before there is an API server to ask, and would end and be held back for it.
            "authentication-tolerate-lookup-failure": "true",
        }
    },
    "scheduler": {"extraArgs": {"leader-elect": "false", "profiling": "false"}},
}
INIT = {
    "kind": "InitConfiguration",
    # No case asks a name server, and its pods would wait for an image that nobody has.
    "skipPhases": ["preflight", "addon/coredns"],
    # In the node image: what the static pods of the control plane have otherwise than usual.
    "patches": {"directory": "/kind/patches"},
}

PERIODS = {"minSyncPeriod": "50ms", "syncPeriod": "30s"}
"""As on embedded nodes: every case waits for a sync, and batching is the same at any period."""


def kube_proxy(mode: Mode, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return the KubeProxyConfiguration's patch."""
    base = {
        "kind": "KubeProxyConfiguration",
        "mode": mode,
        "clientConnection": {"qps": 50, "burst": 100},
        "iptables": PERIODS,
        "ipvs": PERIODS,
        "nftables": PERIODS,
    }
    return merge(base, overlay)


def kubelet(*, cgroup_v1: bool) -> dict[str, Any]:
    """Return the KubeletConfiguration's patch; from 1.35 on cgroup v1 has to be asked for."""
    patch: dict[str, Any] = {"kind": "KubeletConfiguration", "maxPods": 250, "podPidsLimit": -1}
    patch |= {"registryPullQPS": 0, "eventRecordQPS": 0, "kubeAPIQPS": 100, "kubeAPIBurst": 200}
    return patch | ({"failCgroupV1": False} if cgroup_v1 else {})


def networking(family: Family, mode: Mode) -> dict[str, str]:
    """Return the networks of both families; the first one is the primary of nodes and Services."""
    first: list[Family] = ["ipv6", "ipv4"] if family == "ipv6" else ["ipv4", "ipv6"]
    return {
        "ipFamily": "dual",
        "podSubnet": ",".join(PODS[each] for each in first),
        "serviceSubnet": ",".join(SERVICES[each] for each in first),
        "kubeProxyMode": mode,
    }


def render(
    *,
    image: str,
    mode: Mode,
    family: Family,
    overlay: Mapping[str, Any],
    states: Sequence[Path],
    cgroup_v1: bool,
) -> dict[str, Any]:
    """Return the configuration of a cluster with a node for each folder of containerd's state."""
    patches = [CONTROL_PLANE, INIT, kube_proxy(mode, overlay), kubelet(cgroup_v1=cgroup_v1)]
    nodes = [
        {
            "role": "worker" if index else "control-plane",
            "image": image,
            "labels": {ZONE: ZONES[index % len(ZONES)]},
            "extraMounts": [{"hostPath": str(state), "containerPath": "/var/lib/containerd"}],
        }
        for index, state in enumerate(states)
    ]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": NAME,
        "networking": networking(family, mode),
        "kubeadmConfigPatches": [yaml.safe_dump(patch) for patch in patches],
        "nodes": nodes,
    }
