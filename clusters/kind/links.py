"""Outside clients of a kind cluster: namespaces with a link to the nodes' bridge; pure."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network
from typing import TYPE_CHECKING, Any

from clusters.embedded.network import OUTSIDE_SYSCTLS, outside_name, outside_route_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.existing.node import ExistingNode

__all__ = ["OUTSIDE_SYSCTLS", "Bridge", "outside_name", "outside_route_command"]

FIRST_CLIENT = 200
"""Of the host numbers; docker gives the lowest ones to nodes."""


class Bridge:
    """The docker network that kind's nodes are on."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        """`described` is what `docker network inspect` prints of it."""
        self.name = f"br-{described['Id'][:12]}"
        self.subnets: dict[str, str] = {}
        self.gateways: dict[str, str] = {}
        for entry in described["IPAM"]["Config"]:
            family = "ipv6" if ":" in entry["Subnet"] else "ipv4"
            self.subnets[family] = entry["Subnet"]
            first = str(next(ip_network(entry["Subnet"]).hosts()))
            self.gateways[family] = str(ip_interface(entry.get("Gateway") or first).ip)

    def client(self, number: int) -> dict[str, str]:
        """Return the addresses of outside client `number`, from 1."""
        return {
            family: str(ip_network(subnet)[FIRST_CLIENT + number])
            for family, subnet in self.subnets.items()
        }

    def script(self, number: int) -> str:
        """Return what `ip -batch` needs to make a client's namespace and link."""
        name = outside_name(number)
        lines = [
            f"netns add {name}",
            f"link add kp-o{number} type veth peer name eth0 netns {name}",
            f"link set kp-o{number} master {self.name} up",
        ]
        return "\n".join(lines) + "\n"

    def inside(self, number: int) -> str:
        """Return what `ip -batch` needs in the namespace."""
        lines = ["link set lo up", "addr del 127.0.0.1/8 dev lo", "addr del ::1/128 dev lo"]
        for family, address in self.client(number).items():
            length = ip_network(self.subnets[family]).prefixlen
            flag = " nodad" if family == "ipv6" else ""
            lines.append(f"addr add {address}/{length} dev eth0{flag}")
        lines.append("link set eth0 up")
        lines += [f"route add default via {gateway}" for gateway in self.gateways.values()]
        return "\n".join(lines) + "\n"


def pod_routes(nodes: Sequence[ExistingNode]) -> str:
    """Return what `ip -batch` needs to reach pods by their nodes."""
    lines = []
    for node in nodes:
        for pods in node.pod_cidrs:
            family = "ipv6" if ":" in pods else "ipv4"
            if via := node.addresses.get(family):
                lines.append(f"route replace {pods} via {via}")
    return "\n".join(lines) + "\n"
