"""IPVS schedulers that remember where a destination address went: lblc and lblcr.

Both keep, by the address that the client asked for, the destination or the set of them that served
it, and look for another one by least connection (wlc) only when that one is overloaded. A virtual
server of kube-proxy has a single address, so there is a single entry. Entries end after a day
without use, which is not modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.schedulers.destinations import Destination, Destinations
from suites.oracles.schedulers.least import lightest, overhead

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Locality(Destinations):
    def _least(self) -> Destination | None:
        return lightest(self._usable(), overhead)

    def _available(self, destination: Destination) -> bool:
        return destination.weight > 0 and any(d is destination for d in self._list)

    def _overloaded(self, destination: Destination) -> bool:
        """Tell whether it has more active connections than weight and another one half of its own.

        `is_overloaded` (ip_vs_lblc.c, ip_vs_lblcr.c). With weights of 1 the other one is idle, so
        that only TCP connections that are open move anything.
        """
        return destination.active > destination.weight and any(
            other.active * 2 < other.weight for other in self._list
        )


class LocalityBasedLeastConnection(_Locality):
    """The lblc scheduler: net/netfilter/ipvs/ip_vs_lblc.c.

    Everybody goes to one destination until it is overloaded; then the one with the least overhead
    takes its place for good. With weights of 1, held connections go to the list in pairs, and from
    the last pair on to the last one.
    """

    _cached: Destination | None = None

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        cached = self._cached
        if cached and self._available(cached) and not self._overloaded(cached):
            return cached
        picked = self._least()
        self._cached = picked or cached
        return picked


class LocalityBasedLeastConnectionWithReplication(_Locality):
    """The lblcr scheduler: net/netfilter/ipvs/ip_vs_lblcr.c.

    A set in place of one destination: the least loaded member serves, the latest among equals; when
    it is overloaded the one with the least overhead of all joins. As lblc until every destination
    has a pair of held connections, from there on least connection over the set. The set loses its
    fullest member after a day without change (lblcr_expiration), which is not modelled.
    """

    def __init__(self, destinations: Iterable[Destination], address: str = "") -> None:
        self._set: list[Destination] = []
        super().__init__(destinations, address)

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        member = lightest(filter(self._available, self._set), overhead)
        if member and not self._overloaded(member):
            return member
        picked = self._least()
        if picked and not any(d is picked for d in self._set):
            self._set.insert(0, picked)
        return picked
