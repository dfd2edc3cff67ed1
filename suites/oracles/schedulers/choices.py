"""The twos scheduler, which picks at random: the chances of each destination."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from suites.oracles.schedulers.destinations import Destination, Destinations
from suites.oracles.schedulers.least import overhead

if TYPE_CHECKING:
    from collections.abc import Mapping


class TwoChoices(Destinations):
    """The twos scheduler: net/netfilter/ipvs/ip_vs_twos.c, the power of two random choices.

    Two destinations are drawn by weight, and the one of the lower overhead per weight gets the
    connection, the first drawn among equals. The draw is a whole number from 0 to the sum of the
    weights, both included, so that the head of the list has one chance more than its weight: with
    weights of 1, 2 of n + 1.

    `connect` cannot tell where a connection goes: say `arrived` when it is known.
    """

    def chances(self) -> Mapping[str, float]:
        """Give the probability with which each usable destination gets the next connection."""
        usable = list(self._usable())
        drawn = dict(zip((d.name for d in usable), self._drawn(usable), strict=True))
        return {
            d.name: sum(drawn[d.name] * drawn[e.name] * _wins(d, e) for e in usable) for d in usable
        }

    def arrived(self, name: str) -> None:
        """Note where a new connection went."""
        self._list[self._position(name)].inactive += 1

    def _drawn(self, usable: list[Destination]) -> list[float]:
        total = sum(d.weight for d in usable) + 1
        bounds = [-1, *accumulate(d.weight for d in usable)]
        return [(end - start) / total for start, end in pairwise(bounds)]


def _wins(one: Destination, other: Destination) -> float:
    """Say how often `one` is chosen when it and `other` are drawn, in either order.

    Each order has the same probability: the sum over both is twice the share, the same one twice
    counts once.
    """
    if one is other:
        return 1.0
    mine, others = overhead(one) * other.weight, overhead(other) * one.weight
    if mine == others:
        return 1.0
    return 2.0 if mine < others else 0.0
