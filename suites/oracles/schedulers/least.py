"""IPVS schedulers that compare the destinations' connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.schedulers.destinations import Destination, Destinations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def overhead(destination: Destination) -> int:
    """Weigh a destination's connections: 256 for each active one and 1 for each of all.

    `ip_vs_dest_conn_overhead` (include/net/ip_vs.h). Some kernels count 256 per active connection
    and 1 per inactive one: a case must not rest on 256 inactive connections or more per active one.
    """
    return destination.active * 256 + destination.active + destination.inactive


def expected_delay(destination: Destination) -> int:
    """Count the active connections that a destination would have with the next one.

    `ip_vs_sed_dest_overhead` (net/netfilter/ipvs/ip_vs_sed.c), and the same in ip_vs_nq.c. What is
    inactive does not count: neither short connections nor UDP leave a trace.
    """
    return destination.active + 1


def lightest(
    usable: Iterable[Destination], load: Callable[[Destination], int]
) -> Destination | None:
    """Return the destination of the lowest load per weight, the first among equals."""
    least: Destination | None = None
    for destination in usable:
        # The kernel compares products, as it has no fractions.
        if least is None or load(least) * destination.weight > load(destination) * least.weight:
            least = destination
    return least


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
        return lightest(self._usable(), overhead)


class ShortestExpectedDelay(Destinations):
    """The sed scheduler: net/netfilter/ipvs/ip_vs_sed.c.

    The lowest expected delay per weight, the first in kernel order among equals. Held connections
    walk the list; short ones, one after the other, and UDP flows all go to the head of the list.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        return lightest(self._usable(), expected_delay)


class NeverQueue(Destinations):
    """The nq scheduler: net/netfilter/ipvs/ip_vs_nq.c.

    The first destination without an active connection, else as sed. With equal weights the two pick
    the same always, as the first idle one then has the lowest expected delay too.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        idle = (destination for destination in self._usable() if not destination.active)
        return next(idle, None) or lightest(self._usable(), expected_delay)
