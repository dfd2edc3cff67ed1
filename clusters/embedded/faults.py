"""Faults of embedded nodes, done from the lab: to a node they come as from nowhere."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from clusters.embedded import network
from clusters.errors import TestbedError
from clusters.protocol import Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.embedded.labclient import LabClient
    from clusters.embedded.node import EmbeddedNode
    from clusters.embedded.proxy import ProxyRunner
    from clusters.protocol import IptablesBackend, Node

STORE = "etcd"


class EmbeddedFaults:
    """See `clusters.protocol.NodeFaults`.

    A node is a process with a kernel in it: SIGSTOP is a machine that stands still, its packets
    with it, and SIGKILL is a power cut.
    """

    def __init__(
        self,
        lab: LabClient,
        runner: ProxyRunner,
        own: Callable[[Node], EmbeddedNode],
        nodes: Sequence[EmbeddedNode],
    ) -> None:
        self.lab = lab
        self.runner = runner
        self._own = own
        self._nodes = nodes

    def freeze(self, node: Node) -> None:
        """Stop the node's kernel."""
        self.lab.signal(self._own(node).name, signal.SIGSTOP)

    def thaw(self, node: Node) -> None:
        """Let the node's kernel go on."""
        self.lab.signal(self._own(node).name, signal.SIGCONT)

    def power_off(self, node: Node) -> None:
        """Kill the node's kernel; nobody looks for its kube-proxy from now on."""
        embedded = self._own(node)
        embedded.proxy_wanted = False
        embedded.power_off()

    def power_on(self, node: Node) -> None:
        """Boot the node; raises `TestbedError` when it does not come up."""
        embedded = self._own(node)
        if not self.is_on(embedded):
            embedded.power_on_again()
        embedded.control.forget_all()
        embedded.wait_up()

    def is_on(self, node: Node) -> bool:
        """Whether the node's kernel runs or stands still."""
        return self.lab.status(self._own(node).name) is None

    def unplug(self, node: Node) -> None:
        """Take the lab's end of the node's link down; the harness has a link of its own."""
        self._set_link(node, "down")

    def plug(self, node: Node) -> None:
        """Take it up again."""
        self._set_link(node, "up")

    def _set_link(self, node: Node, state: str) -> None:
        port = network.node_links(self._own(node).index)["node_port"]
        self.lab.must(["ip", "link", "set", port, state])

    def stall_store(self) -> None:
        """Stop etcd, which the API server waits for then."""
        self.lab.signal(STORE, signal.SIGSTOP)

    def resume_store(self) -> None:
        """Let etcd go on."""
        self.lab.signal(STORE, signal.SIGCONT)

    def signal_proxy(self, node: Node, number: int) -> None:
        """Send kube-proxy a signal; raises `TestbedError` for one that would end it."""
        if number not in (signal.SIGSTOP, signal.SIGCONT):
            raise TestbedError(f"signal {number} is none that a process outlives")
        self.runner.signal(self._own(node), number)

    def route_pods(self, node: Node, address: str) -> None:
        """Replace the route of the lab, which outside clients go by, and of every other node."""
        own = self._own(node)
        cidr = own.plan.pod_cidr["ipv6" if ":" in address else "ipv4"]
        route = ["ip", "route", "replace", cidr, "via", address]
        self.lab.must(route)
        for other in self._nodes:
            if other.name != own.name:
                self._must(other, route)

    def use_iptables(self, node: Node, backend: IptablesBackend) -> None:
        """Change the links that the node's first process made (`choose_iptables` in guest/init)."""
        script = (
            f"set -e; program=$(command -v xtables-{backend}-multi); "
            "for family in iptables ip6tables; do "
            'for suffix in "" -save -restore; do ln -sf $program /run/tools/$family$suffix; '
            "done; done"
        )
        self._must(self._own(node), ["sh", "-c", script])

    @staticmethod
    def _must(node: EmbeddedNode, argv: list[str]) -> None:
        reply = node.control.ask("exec", within=20.0, argv=argv, timeout=15.0)
        done = Ran.of(node.name, argv, reply, 15.0)
        if done.status:
            raise TestbedError(f"{node.name}: {' '.join(argv)}: {done.stderr.strip()}")
