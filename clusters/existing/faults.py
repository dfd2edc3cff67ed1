"""Faults of nodes that are machines of somebody's: all but none."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, NoReturn

from clusters.errors import ConfigError, TestbedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.existing.node import ExistingNode
    from clusters.protocol import IptablesBackend, Node


class ExistingFaults:
    """See `clusters.protocol.NodeFaults`."""

    def __init__(self, own: Callable[[Node], ExistingNode], allow: Callable[[], None]) -> None:
        """`allow` raises `ConfigError` where kube-proxies may not be disturbed."""
        self._own = own
        self._allow = allow

    def freeze(self, node: Node) -> None:
        """Refuse."""
        self._refuse("freeze", node)

    def thaw(self, node: Node) -> None:
        """Refuse."""
        self._refuse("thaw", node)

    def power_off(self, node: Node) -> None:
        """Refuse."""
        self._refuse("power off", node)

    def power_on(self, node: Node) -> None:
        """Refuse."""
        self._refuse("power on", node)

    def is_on(self, node: Node) -> bool:
        """Nodes here are on: those that are not were left out at the beginning."""
        self._own(node)
        return True

    def unplug(self, node: Node) -> None:
        """Refuse."""
        self._refuse("unplug", node)

    def plug(self, node: Node) -> None:
        """Refuse."""
        self._refuse("plug", node)

    def stall_store(self) -> None:
        """Refuse."""
        raise ConfigError("the store of this cluster is not ours to stall")

    def resume_store(self) -> None:
        """Refuse."""
        raise ConfigError("the store of this cluster is not ours to resume")

    def signal_proxy(self, node: Node, number: int) -> None:
        """Send kube-proxy a signal; raises `TestbedError` for one that would end it."""
        self._allow()
        if number not in (signal.SIGSTOP, signal.SIGCONT):
            raise TestbedError(f"signal {number} is none that a process outlives")
        self._own(node).control.ask("kill", signal=int(number), wait=0.0)

    def route_pods(self, node: Node, address: str) -> None:
        """Refuse."""
        del address
        self._refuse("route to", node)

    def use_iptables(self, node: Node, backend: IptablesBackend) -> None:
        """Refuse."""
        del backend
        self._refuse("give another iptables", node)

    def _refuse(self, what: str, node: Node) -> NoReturn:
        raise ConfigError(f"{node.name}: a node of such a cluster is not ours to {what}")
