"""The kernel's view of a node's virtual servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.kernel_state import joined
from suites.oracles.schedulers import Scheduler, scheduler
from suites.oracles.schedulers.destinations import parse_table
from suites.oracles.verdict import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.clients import Target
    from fixtures.workloads import Pod
    from suites.oracles.schedulers.destinations import Destination


BACKEND_PORT = 8080


def kernel_table(cluster: Cluster, node: Node) -> dict[str, tuple[str, list[Destination]]]:
    """Return scheduler and destinations of every virtual server of a node, see `parse_table`."""
    return parse_table(cluster.run(node, ["cat", "/proc/net/ip_vs"]).stdout)


def server_key(target: Target) -> str:
    """Name a virtual server as `parse_table` does."""
    return f"{target.protocol} {joined(target.host, target.port)}"


def names_of(pods: Iterable[Pod]) -> dict[str, str]:
    """Return the pods by what the kernel calls them as destinations, in each family."""
    return {
        joined(address, BACKEND_PORT): pod.identity
        for pod in pods
        for address in pod.addresses.values()
    }


class Table:
    """The kernel's view of one virtual server on one node."""

    def __init__(self, cluster: Cluster, node: Node, target: Target, pods: Sequence[Pod]) -> None:
        self.cluster = cluster
        self.node = node
        self.host = target.host
        self.key = server_key(target)
        self.names = names_of(pods)

    def read(self) -> tuple[str, list[Destination]]:
        """Return the scheduler and the destinations in kernel order, empty when not there."""
        return kernel_table(self.cluster, self.node).get(self.key, ("", []))

    def has(self, count: int) -> Judgement:
        """Judge whether the virtual server has `count` destinations that take connections."""
        _, destinations = self.read()
        usable = [d.name for d in destinations if d.weight > 0]
        return Judgement(
            len(usable) == count,
            f"{self.key} on {self.node.name} has {len(usable)} destinations, not {count}",
        )

    def order(self) -> list[str]:
        """Return the pods in kernel order."""
        return [self.names[destination.name] for destination in self.read()[1]]

    def model(self) -> Scheduler:
        """Return the model of the server's scheduler, starting from the table as it is."""
        name, destinations = self.read()
        return scheduler(name, destinations, self.host)

    def named(self, picks: Sequence[str | None]) -> list[str | None]:
        """Translate a model's picks into pods."""
        return [self.names[pick] if pick else None for pick in picks]
