"""Judges of random choices whose chances change from one to the next, and are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def follows_chances(
    picks: Sequence[str], chances: Sequence[Mapping[str, float]], *, alpha: float
) -> Judgement:
    """Judge whether each pick was drawn with the chances that it had.

    `chances` names every backend for each pick. Two tests share `alpha`, the probability of a false
    alarm whatever the number of picks:

    - each backend's picks against the sum of its chances: their difference is a martingale, bounded
      by Freedman's inequality (Annals of Probability 1975);
    - all picks against an even choice: the ratio of the two likelihoods reaches 1/alpha by chance
      in a fraction alpha of runs at most (Ville's inequality), in either direction.

    Undecided while the picks do not tell the chances from an even choice.
    """
    if not picks:
        return undecided("no connection was made")
    worst, excess, bound = _worst(picks, chances, alpha / 2)
    evidence = math.fsum(
        math.log(max(now[pick], 1e-300) * len(now))
        for pick, now in zip(picks, chances, strict=True)
    )
    needed = math.log(2 / alpha)
    figures = {"connections": float(len(picks)), "evidence": evidence, "needed": needed}
    if abs(excess) >= bound:
        return wrong(
            f"{worst} got {abs(excess):.0f} connections too {'many' if excess > 0 else 'few'} of "
            f"{len(picks)}; chance explains {bound:.0f} (false alarm in at most {alpha:g} of runs)",
            figures=figures,
        )
    if evidence <= -needed:
        return wrong(
            f"{len(picks)} connections look like an even choice, not like one by load "
            f"(false alarm in at most {alpha:g} of runs)",
            figures=figures,
        )
    if evidence < needed:
        return undecided(
            f"{len(picks)} connections do not tell a choice by load from an even one",
            figures=figures,
        )
    return right(
        f"{len(picks)} connections went as the chances of each moment say", figures=figures
    )


def _worst(
    picks: Sequence[str], chances: Sequence[Mapping[str, float]], alpha: float
) -> tuple[str, float, float]:
    """Give the backend that is furthest off its chances, by how much, and how much chance allows.

    Freedman: a difference of t at a variance of at most v has at most the probability
    exp(-t^2 / (2 (v + t / 3))), to which every backend, both directions and, as the variance is
    itself a matter of chance, each power of two that v may be contribute.
    """
    backends = sorted(chances[0])
    tail = math.log(2 * len(backends) * len(picks).bit_length() / alpha)
    rows = []
    for name in backends:
        own = [now.get(name, 0.0) for now in chances]
        excess = picks.count(name) - math.fsum(own)
        variance = 2.0 ** math.ceil(math.log2(max(1.0, math.fsum(p * (1 - p) for p in own))))
        third = tail / 3
        rows.append((name, excess, third + math.sqrt(third * third + 2 * variance * tail)))
    return max(rows, key=lambda row: abs(row[1]) / row[2])
