"""Judge of what grows while the same thing is done again and again: a leak grows, a cache stops."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, listing, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FEWEST = 6
"""Samples below which nothing shows a trend."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much more a figure may be at the end: a share of what it was, and an amount."""

    share: float = 0.0
    amount: float = 0.0


def growth(samples: Sequence[Mapping[str, float]], rooms: Mapping[str, Room]) -> Judgement:
    """Judge that no figure's median of the last third is above that of the first by more than room.

    The first sample is left out, since caches fill and heaps grow to their size. Figures: the
    difference of each, as `grew_NAME`.
    """
    used = samples[1:]
    if len(used) < FEWEST:
        return undecided(f"{len(used)} rounds do not show whether anything grows")
    third = len(used) // 3
    figures, grown = {}, []
    for name, room in rooms.items():
        before = statistics.median(sample[name] for sample in used[:third])
        after = statistics.median(sample[name] for sample in used[-third:])
        figures[f"grew_{name}"] = after - before
        if after - before > room.share * before + room.amount:
            grown.append(f"{name} from {before:g} to {after:g}")
    if grown:
        return wrong(f"in {len(used)} rounds of the same {listing(grown, 'and')}", "", figures)
    return right(f"nothing grew in {len(used)} rounds", "", figures)
