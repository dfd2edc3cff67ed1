"""Exact models of IPVS schedulers, from the kernel's algorithms (Linux 6.1 to 7.2).

Every virtual server (address, port, protocol) of every node has a scheduler of its own. It picks
once per new connection entry: a TCP SYN or a UDP datagram of a 5-tuple that has no entry yet
(`ip_vs_schedule` in net/netfilter/ipvs/ip_vs_core.c). kube-proxy writes weight 1, or 0 while a
backend drains (syncEndpoint in pkg/proxy/ipvs/proxier.go and graceful_termination.go), so lc and
wlc cannot be told apart through it, nor sed and nq, and rr and wrr only by where they go on after a
change.

twos picks at random and has chances in place of a prediction: `suites.oracles.schedulers.choices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from suites.oracles.schedulers.failover import Failover, Overflow
from suites.oracles.schedulers.hashing import DestinationHashing, SourceHashing
from suites.oracles.schedulers.least import (
    LeastConnection,
    NeverQueue,
    ShortestExpectedDelay,
    WeightedLeastConnection,
)
from suites.oracles.schedulers.locality import (
    LocalityBasedLeastConnection,
    LocalityBasedLeastConnectionWithReplication,
)
from suites.oracles.schedulers.maglev import MaglevHashing
from suites.oracles.schedulers.rotation import RoundRobin, WeightedRoundRobin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from suites.oracles.schedulers.destinations import Destination


class Scheduler(Protocol):
    """What the models offer; see `Destinations` for the meaning of each event."""

    @property
    def order(self) -> tuple[str, ...]:
        """Names in kernel order."""

    def connect(self, client_address: str, client_port: int = 0) -> str | None:
        """Schedule one new connection; None if it is refused."""

    def established(self, name: str) -> None:
        """Note a completed TCP handshake."""

    def close(self, name: str) -> None:
        """Note the first FIN or RST."""

    def expire(self, name: str) -> None:
        """Note the end of an inactive entry."""

    def add(self, name: str, weight: int = 1) -> None:
        """Add a destination at the head."""

    def remove(self, name: str) -> None:
        """Delete a destination."""

    def set_weight(self, name: str, weight: int) -> None:
        """Change a weight; 0 drains."""


SCHEDULERS: dict[str, Callable[[Iterable[Destination], str], Scheduler]] = {
    "rr": RoundRobin,
    "wrr": WeightedRoundRobin,
    "lc": LeastConnection,
    "wlc": WeightedLeastConnection,
    "lblc": LocalityBasedLeastConnection,
    "lblcr": LocalityBasedLeastConnectionWithReplication,
    "sh": SourceHashing,
    "dh": DestinationHashing,
    "sed": ShortestExpectedDelay,
    "nq": NeverQueue,
    "fo": Failover,
    "ovf": Overflow,
    "mh": MaglevHashing,
}


def scheduler(name: str, destinations: Iterable[Destination], address: str = "") -> Scheduler:
    """Build the model of a virtual server's scheduler from its destinations in kernel order.

    `address` is the virtual server's own, which dh hashes. Raises ValueError for a scheduler that
    has no model.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"no model of the scheduler {name}; there are {', '.join(SCHEDULERS)}")
    return SCHEDULERS[name](destinations, address)
