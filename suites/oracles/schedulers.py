"""Exact models of IPVS schedulers, from the kernel's algorithms (Linux 6.1 to 7.2).

Every virtual server (address, port, protocol) of every node has a scheduler of its own. It picks
once per new connection entry: a TCP SYN or a UDP datagram of a 5-tuple that has no entry yet
(`ip_vs_schedule` in net/netfilter/ipvs/ip_vs_core.c). kube-proxy writes weight 1, or 0 while a
backend drains (syncEndpoint in pkg/proxy/ipvs/proxier.go and graceful_termination.go), so lc and
wlc cannot be told apart through it, and rr and wrr only by where they go on after a change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from suites.oracles.destinations import Destination, Destinations
from suites.oracles.hashing import SourceHashing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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


class RoundRobin(Destinations):
    """The rr scheduler: net/netfilter/ipvs/ip_vs_rr.c.

    The next destination of weight > 0 after the last one picked, around the list. A new one, at the
    head, has its turn when the walk comes around (there is no add_dest hook); if the last one
    picked is deleted the walk goes on from the one before it (`ip_vs_rr_del_dest`).
    """

    _last: Destination | None = None

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        start = 0 if self._last is None else self._list.index(self._last) + 1
        for destination in self._list[start:] + self._list[:start]:
            if destination.weight > 0:
                self._last = destination
                return destination
        return None

    def _unlinked(self, destination: Destination, position: int) -> None:
        if self._last is destination:
            self._last = self._list[position - 1] if position else None


class WeightedRoundRobin(Destinations):
    """The wrr scheduler: net/netfilter/ipvs/ip_vs_wrr.c.

    Walks the list again and again, taking destinations whose weight reaches a bar that sinks from
    the highest weight by the weights' greatest common divisor. Every change of a destination starts
    the walk at the head again (`ip_vs_wrr_dest_changed`), which is what tells it from rr.
    """

    _last: Destination | None = None  # None: the list's head
    _bar = 0
    _highest = 0
    _step = 1

    def _changed(self) -> None:
        self._last = None
        weights = [destination.weight for destination in self._usable()]
        self._step = math.gcd(*weights) or 1
        self._highest = max(weights, default=0) - (self._step - 1)
        if self._bar > self._highest or not self._bar:
            self._bar = self._highest
        elif self._step > 1:
            self._bar = self._bar // self._step * self._step + 1

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        if self._highest == 0:
            return None
        # At the lowest bar, 1, every usable destination qualifies: within one round of the bars
        # from here something is found, and the kernel's guards against endless loops never bite.
        while True:
            start = 0 if self._last is None else self._list.index(self._last) + 1
            for destination in self._list[start:]:
                if destination.weight >= self._bar:
                    self._last = destination
                    return destination
            self._last = None
            self._bar -= self._step
            if self._bar <= 0:
                self._bar = self._highest


class LeastConnection(Destinations):
    """The lc scheduler: net/netfilter/ipvs/ip_vs_lc.c.

    The lowest overhead among weights other than 0; the first in kernel order among equals. With
    connections held and none closed it walks the list as rr does; short connections too, as long as
    their inactive entries last.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        return min(self._usable(), key=overhead, default=None)


class WeightedLeastConnection(Destinations):
    """The wlc scheduler: net/netfilter/ipvs/ip_vs_wlc.c. The lowest overhead per weight."""

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        least: Destination | None = None
        for destination in self._usable():
            # The kernel compares products, as it has no fractions.
            if least is None or (
                overhead(least) * destination.weight > overhead(destination) * least.weight
            ):
                least = destination
        return least


def overhead(destination: Destination) -> int:
    """Weigh a destination's connections: 256 for each active one and 1 for each of all.

    `ip_vs_dest_conn_overhead` (include/net/ip_vs.h). Some kernels count 256 per active connection
    and 1 per inactive one: a case must not rest on 256 inactive connections or more per active one.
    """
    return destination.active * 256 + destination.active + destination.inactive


SCHEDULERS: dict[str, Callable[[Iterable[Destination]], Scheduler]] = {
    "rr": RoundRobin,
    "wrr": WeightedRoundRobin,
    "lc": LeastConnection,
    "wlc": WeightedLeastConnection,
    "sh": SourceHashing,
}


def scheduler(name: str, destinations: Iterable[Destination]) -> Scheduler:
    """Build the model of a scheduler from its destinations in kernel order.

    Raises ValueError for a scheduler that has no model.
    """
    if name not in SCHEDULERS:
        raise ValueError(f"no model of the scheduler {name}; there are {', '.join(SCHEDULERS)}")
    return SCHEDULERS[name](destinations)
