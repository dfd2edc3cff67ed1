"""kind's configuration, and what podroutes and the bridge make of addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from clusters.kind import config, daemon, podroutes
from clusters.kind.links import Bridge


def rendered(**changes: Any) -> dict[str, Any]:
    """Return a rendered configuration of two nodes in IPVS mode."""
    wanted: dict[str, Any] = {
        "image": "node:1",
        "mode": "ipvs",
        "family": "ipv4",
        "overlay": {"ipvs": {"scheduler": "lc"}},
        "states": [Path("/run/a"), Path("/run/b")],
        "cgroup_v1": True,
    }
    return config.render(**{**wanted, **changes})


def patches(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the kubeadm patches by their kinds."""
    found = [yaml.safe_load(text) for text in configuration["kubeadmConfigPatches"]]
    return {patch["kind"]: patch for patch in found}


def test_the_first_node_is_the_control_plane() -> None:
    """There is one control plane; each node has its own state and a zone."""
    nodes = rendered()["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker"]
    assert [node["extraMounts"][0]["hostPath"] for node in nodes] == ["/run/a", "/run/b"]
    assert len({node["labels"]["topology.kubernetes.io/zone"] for node in nodes}) == 2


def test_mode_family_and_overlay_reach_kube_proxy() -> None:
    """The mode stands where kind looks and where kube-proxy does; the overlay merges."""
    made = rendered(family="ipv6")
    assert made["networking"] == {
        "ipFamily": "dual",
        "podSubnet": "fd00:10:244::/56,10.244.0.0/16",
        "serviceSubnet": "fd00:10:96::/112,10.96.0.0/16",
        "kubeProxyMode": "ipvs",
    }
    proxy = patches(made)["KubeProxyConfiguration"]
    assert proxy["mode"] == "ipvs"
    assert proxy["ipvs"] == {"minSyncPeriod": "50ms", "syncPeriod": "30s", "scheduler": "lc"}


def test_cgroup_v1_has_to_be_asked_for() -> None:
    """From 1.35 on a kubelet refuses cgroup v1 unless it is told not to."""
    assert patches(rendered())["KubeletConfiguration"]["failCgroupV1"] is False
    assert "failCgroupV1" not in patches(rendered(cgroup_v1=False))["KubeletConfiguration"]


def test_pods_of_a_node_get_addresses_of_each_range() -> None:
    """The CNI configuration has a range and a default route for each family."""
    (ptp, _) = yaml.safe_load(podroutes.configuration(["10.1.0.0/24", "fd00:1::/64"]))["plugins"]
    assert ptp["ipam"]["ranges"] == [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]]
    assert ptp["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def test_a_range_is_reached_by_the_address_of_its_family() -> None:
    """A range whose family the node has no address of is left out."""
    node = {
        "spec": {"podCIDRs": ["10.1.0.0/24", "fd00:1::/64"]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "172.18.0.2"},
                {"type": "Hostname", "address": "kp-worker"},
            ]
        },
    }
    assert podroutes.ways(node) == [("10.1.0.0/24", "172.18.0.2")]
    assert podroutes.ways({"spec": {}, "status": {}}) == []


def test_clients_are_on_the_nodes_bridge() -> None:
    """Outside clients have addresses of docker's network, far from those of nodes."""
    bridge = Bridge(
        {
            "Id": "0123456789abcdef",
            "IPAM": {
                "Config": [
                    {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"},
                    {"Subnet": "fc00:f853:ccd:e793::/64"},
                ]
            },
        }
    )
    assert bridge.name == "br-0123456789ab"
    assert bridge.client(1) == {"ipv4": "172.18.0.201", "ipv6": "fc00:f853:ccd:e793::c9"}
    assert bridge.gateways == {"ipv4": "172.18.0.1", "ipv6": "fc00:f853:ccd:e793::1"}
    assert "addr add 172.18.0.202/16 dev eth0\n" in bridge.inside(2)
    assert "addr add fc00:f853:ccd:e793::ca/64 dev eth0 nodad\n" in bridge.inside(2)


def test_a_missing_capability_is_seen() -> None:
    """CAP_SYS_RESOURCE is bit 24 of the bounding set."""
    assert daemon.lacks_sys_resource("CapBnd:\t000001fffeffffff\n")
    assert not daemon.lacks_sys_resource("CapBnd:\t000001ffffffffff\n")
    assert not daemon.lacks_sys_resource("Name:\tx\n")


def test_dockerd_programs_no_rule() -> None:
    """Whatever else it is told, dockerd keeps off netfilter and off the machine's own state."""
    argv = daemon.command(Path("/t"), data=Path("/d"), runtime=Path("/r"), cgroup="/x")
    assert {"--iptables=false", "--ip6tables=false", "--ip-masq=false"} <= set(argv)
    assert "--data-root=/d" in argv
    assert "--cgroup-parent=/x" in argv
