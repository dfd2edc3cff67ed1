"""The scripts that make links: what `ip -batch` is told, here and in a node."""

from __future__ import annotations

import re

import pytest

from clusters.embedded import network
from clusters.embedded.addresses import API_SERVER, NodeAddresses
from clusters.embedded.guest.init import bridge_address, link_script

# IFNAMSIZ of linux/if.h counts the final zero byte.
LONGEST_NAME = 15


def config(index: int, nodes: int = 3) -> dict[str, object]:
    """Return what a node's first process is told of its network."""
    own = NodeAddresses(index)
    peers = [NodeAddresses(i) for i in range(1, nodes + 1) if i != index]
    return {
        "interface": "vec0",
        "addresses": own.node,
        "gateway": API_SERVER,
        "pod_gateway": own.pod_gateway,
        "peers": [{"pod_cidr": peer.pod_cidr, "addresses": peer.node} for peer in peers],
    }


def names(script: str) -> list[str]:
    """Return the names of the interfaces that a script makes."""
    return re.findall(r"^link add (\S+)", script, re.MULTILINE) + re.findall(
        r"peer name (\S+)", script
    )


def test_interface_names_are_unique_and_short() -> None:
    """Links of nine nodes and the clients have different names that the kernel takes."""
    scripts = [network.base_script(), *(network.node_script(i) for i in range(1, 10))]
    made = [name for script in scripts for name in names(script)]
    made += [f"lab-o{index}" for index in range(1, 9)]
    assert len(set(made)) == len(made)
    assert all(len(name) <= LONGEST_NAME for name in made)


def test_node_script_makes_both_links_and_routes() -> None:
    """A node gets a port on each bridge, and its pods a route of each family."""
    script = network.node_script(2)
    links = network.node_links(2)
    assert f"link set {links['node_port']} master lab0 up" in script
    assert f"link set {links['management_port']} master mgmt0 up" in script
    assert "route add 10.244.2.0/24 via 172.18.1.2" in script
    assert "route add fd00:10:244:2::/64 via fd00:172:18::1:2" in script


def test_outside_script_names_its_namespace() -> None:
    """An outside client's link ends in a namespace of its own on the cluster's bridge."""
    script = network.outside_script(1)
    assert script.splitlines()[0] == "netns add outside-1"
    assert "peer name eth0 netns outside-1" in script
    assert "link set lab-o1 master lab0 up" in script


def test_link_script_of_a_node() -> None:
    """A node routes to every other node's pods by that node, and to the rest by the lab."""
    lines = link_script(config(1)).splitlines()
    assert "link set vec0 name eth0" in lines
    assert "addr add 172.18.1.1/16 dev eth0" in lines
    assert "addr add 10.244.1.1/24 dev cni0" in lines
    assert "route add default via 172.18.0.1" in lines
    routes = [line for line in lines if line.startswith("route add 10.244.")]
    assert routes == [
        "route add 10.244.2.0/24 via 172.18.1.2",
        "route add 10.244.3.0/24 via 172.18.1.3",
    ]


def test_link_script_orders_what_depends() -> None:
    """An address or route comes after the link that carries it is up or made."""
    lines = link_script(config(1)).splitlines()
    assert lines.index("link set eth0 up") < lines.index("route add default via 172.18.0.1")
    made = next(i for i, line in enumerate(lines) if line.startswith("link add cni0"))
    assert made < lines.index("link set cni0 up")


@pytest.mark.parametrize("index", range(1, 10))
def test_bridge_address_is_a_fixed_unicast_address(index: int) -> None:
    """The pods' bridge has a locally administered unicast address, another on each node."""
    address = bridge_address(config(index))
    octets = [int(part, 16) for part in address.split(":")]
    assert len(octets) == 6
    assert octets[0] & 0b11 == 0b10
    assert octets[2:] == [10, 244, index, 1]
    assert f"link add cni0 address {address} type bridge" in link_script(config(index))
