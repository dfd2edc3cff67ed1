"""The addressing plan of an embedded cluster: pure, dual-stack, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network

NODE_NETWORK: dict[str, Network] = {
    "ipv4": IPv4Network("172.18.0.0/16"),
    "ipv6": IPv6Network("fd00:172:18::/64"),
}
POD_NETWORK: dict[str, Network] = {
    "ipv4": IPv4Network("10.244.0.0/16"),
    "ipv6": IPv6Network("fd00:10:244::/48"),
}
SERVICE_NETWORK: dict[str, Network] = {
    "ipv4": IPv4Network("10.96.0.0/16"),
    "ipv6": IPv6Network("fd00:10:96::/112"),
}
MANAGEMENT_NETWORK = IPv4Network("10.255.0.0/16")

API_PORT = 6443
NODE_CONTROL_PORT = 7000
NODE_AGENT_PORT = 7001

API_SERVER = {"ipv4": "172.18.0.1", "ipv6": "fd00:172:18::1"}
MANAGEMENT_HOST = "10.255.0.1"


@dataclass(frozen=True, slots=True)
class NodeAddresses:
    """Every address that belongs to node number `index`, counted from 1."""

    index: int

    @property
    def node(self) -> dict[str, str]:
        """InternalIP of each family."""
        return {"ipv4": f"172.18.1.{self.index}", "ipv6": f"fd00:172:18::1:{self.index}"}

    @property
    def pod_cidr(self) -> dict[str, str]:
        """The range of each family that the node's pods get their addresses from."""
        return {"ipv4": f"10.244.{self.index}.0/24", "ipv6": f"fd00:10:244:{self.index}::/64"}

    @property
    def pod_gateway(self) -> dict[str, str]:
        """The address of the node's pod bridge in each family."""
        return {"ipv4": f"10.244.{self.index}.1", "ipv6": f"fd00:10:244:{self.index}::1"}

    @property
    def management(self) -> str:
        """Where the harness reaches the node; no fault of the node's network touches it."""
        return f"10.255.1.{self.index}"


def outside_client(index: int) -> dict[str, str]:
    """Return the addresses of client number `index` (from 1), beside the nodes but of no node."""
    return {"ipv4": f"172.18.200.{index}", "ipv6": f"fd00:172:18::200:{index}"}


def outside_management(index: int) -> str:
    """Return where the harness reaches outside client number `index`."""
    return f"10.255.200.{index}"
