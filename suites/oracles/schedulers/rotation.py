"""IPVS schedulers that go around the list of destinations."""

from __future__ import annotations

import math

from suites.oracles.schedulers.destinations import Destination, Destinations


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
