"""The lab's links: two bridges, a pair of veths for each node, namespaces for outside clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.embedded.addresses import (
    API_SERVER,
    MANAGEMENT_HOST,
    NodeAddresses,
    outside_client,
)

if TYPE_CHECKING:
    from clusters.embedded.labclient import LabClient

# Packets cross a raw socket between two kernels, so nothing may leave checksums or segments for
# hardware that is not there.
OFFLOADS = ("gro", "gso", "tso", "tx", "rx")


OUTSIDE_SYSCTLS = (
    # A node that does not know an address tells who sent to it of a better way, the default one,
    # and the client would keep to that when the node knows the address later.
    "net.ipv4.conf.all.accept_redirects=0",
    "net.ipv4.conf.eth0.accept_redirects=0",
    "net.ipv6.conf.eth0.accept_redirects=0",
    # What is closed is refused at once, however often it is asked.
    "net.ipv4.icmp_ratelimit=0",
    "net.ipv6.icmp.ratelimit=0",
    # Probes bind to source ports of their own, below these; see fixtures/source_ports.py. A flow of
    # UDP, which has a port that the kernel chose, was in a probe's way.
    "net.ipv4.ip_local_port_range=60000 65535",
    # An attacker's kernel sends to 127.0.0.0/8 what it likes (CVE-2020-8558).
    "net.ipv4.conf.eth0.route_localnet=1",
)


def base_script() -> str:
    """Return what makes the two bridges: the cluster's network and the management path."""
    return "\n".join(
        [
            "link add lab0 address 02:58:ac:12:00:01 type bridge forward_delay 0",
            f"addr add {API_SERVER['ipv4']}/16 dev lab0",
            f"addr add {API_SERVER['ipv6']}/64 dev lab0 nodad",
            "link set lab0 up",
            "link add mgmt0 address 02:58:0a:ff:00:01 type bridge forward_delay 0",
            f"addr add {MANAGEMENT_HOST}/16 dev mgmt0",
            "link set mgmt0 up",
        ]
    )


def node_links(index: int) -> dict[str, str]:
    """Return the names of a node's ends of its two links, and of their lab ends."""
    return {
        "node": f"n{index}-eth",
        "management": f"n{index}-mgmt",
        "node_port": f"lab-n{index}",
        "management_port": f"mgmt-n{index}",
    }


def node_script(index: int) -> str:
    """Return what makes the two links of a node and the routes to its pods."""
    link, addresses = node_links(index), NodeAddresses(index)
    lines = []
    for end, port, bridge in (
        (link["node"], link["node_port"], "lab0"),
        (link["management"], link["management_port"], "mgmt0"),
    ):
        lines += [
            f"link add {port} type veth peer name {end}",
            f"link set {port} master {bridge} up",
            f"link set {end} up",
        ]
    lines.append(f"route add {addresses.pod_cidr['ipv4']} via {addresses.node['ipv4']}")
    lines.append(f"route add {addresses.pod_cidr['ipv6']} via {addresses.node['ipv6']}")
    return "\n".join(lines)


def outside_name(index: int) -> str:
    """Return the name of an outside client's namespace."""
    return f"outside-{index}"


def outside_script(index: int) -> str:
    """Return what joins an outside client's namespace to the cluster's network."""
    name = outside_name(index)
    return "\n".join(
        [
            f"netns add {name}",
            f"link add lab-o{index} type veth peer name eth0 netns {name}",
            f"link set lab-o{index} master lab0 up",
        ]
    )


def prepare(lab: LabClient, *, nodes: int, outside: int) -> None:
    """Make everything that nodes and clients plug into."""
    settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
    # An address of no Service is answered at once, however often it is asked.
    settings += ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"]
    lab.must(["sysctl", "-qw", *settings])
    # The lab has no rules of its own; bridged packets need not look for any.
    lab.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"])
    script = [base_script()]
    script += [node_script(index) for index in range(1, nodes + 1)]
    script += [outside_script(index) for index in range(1, outside + 1)]
    lab.must(["ip", "-batch", "-"], stdin="\n".join(script) + "\n")
    for index in range(1, outside + 1):
        name = outside_name(index)
        lab.must(["ip", "-n", name, "-batch", "-"], stdin=_outside_inside(index))
        inside = ["nsenter", f"--net=/run/netns/{name}"]
        lab.must([*inside, "sysctl", "-qw", *OUTSIDE_SYSCTLS])
        # Their segments also end at raw sockets: large payloads arrived damaged.
        lab.run(["ethtool", "-K", f"lab-o{index}", *no_offloads()])
        lab.run([*inside, "ethtool", "-K", "eth0", *no_offloads()])
    for index in range(1, nodes + 1):
        links = node_links(index)
        for interface in links.values():
            lab.run(["ethtool", "-K", interface, *no_offloads()])


def no_offloads() -> list[str]:
    """Return the arguments of ethtool -K that turn every offload off."""
    return [word for offload in OFFLOADS for word in (offload, "off")]


def _outside_inside(index: int) -> str:
    addresses = outside_client(index)
    return (
        "link set lo up\n"
        # So that 127.0.0.0/8 and ::1 can be somebody else's; nothing here talks to itself.
        "addr del 127.0.0.1/8 dev lo\n"
        "addr del ::1/128 dev lo\n"
        f"addr add {addresses['ipv4']}/16 dev eth0\n"
        f"addr add {addresses['ipv6']}/64 dev eth0 nodad\n"
        "link set eth0 up\n"
        f"route add default via {API_SERVER['ipv4']}\n"
        f"route add default via {API_SERVER['ipv6']}\n"
    )


def outside_route_command(index: int, address: str, via: str = "") -> list[str]:
    """Return what leads outside client `index` to `address` via a node, or no longer."""
    target = f"{address}/{128 if ':' in address else 32}"
    change = ["replace", target, "via", via] if via else ["del", target]
    return ["ip", "-n", outside_name(index), "route", *change]
