"""Judges of how a Service's connections are spread over its endpoints, few or very many."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from suites.judges import unbroken
from suites.oracles.sequence import shares_within_one
from suites.oracles.statistics import uniform
from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fixtures.agent.attempts import Attempts


def evenly(attempts: Attempts, backends: Iterable[str], mode: str, *, alpha: float) -> Judgement:
    """Judge whether each backend got its share: to within one in IPVS mode, else as chance does.

    IPVS goes round (the scheduler is rr unless configured); the others pick at random.
    """
    seen = attempts.by_backend()
    counts = {name: seen[name] for name in backends}
    return shares_within_one(counts) if mode == "ipvs" else uniform(counts, alpha=alpha)


def most_unseen(endpoints: int, connections: int, alpha: float) -> int:
    """Return how many endpoints random picks leave out at most, but for a chance of `alpha`.

    The chance that a given set of k is left out is (1 - k/n)^N, and there are C(n, k) sets.
    """
    for count in range(endpoints):
        more = count + 1
        sets = math.lgamma(endpoints + 1) - math.lgamma(more + 1)
        sets -= math.lgamma(endpoints - more + 1)
        missed = -math.inf if more == endpoints else connections * math.log1p(-more / endpoints)
        if sets + missed <= math.log(alpha):
            return count
    return endpoints


def all_addresses(
    attempts: Attempts, addresses: Collection[str], mode: str, *, alpha: float
) -> Judgement:
    """Judge that these endpoints, by their addresses, answer: all of them and nobody else.

    Of a thousand endpoints random picks leave out some for very long, so outside IPVS mode only
    as many may be missing as chance explains; a slice that was overlooked is far more.
    """
    if (broken := unbroken(attempts, "to many endpoints")).ok is not True:
        return broken
    seen = Counter(str(address) for address in attempts.server_ip)
    if strange := sorted(set(seen) - set(addresses)):
        share = sum(seen[address] for address in strange)
        return wrong(
            f"{share} of {len(attempts)} connections reached {strange[0]} or another of "
            f"{len(strange)} addresses that are no endpoints"
        )
    allowed = 0 if mode == "ipvs" else most_unseen(len(addresses), len(attempts), alpha)
    if len(attempts) < len(addresses):
        return undecided(f"{len(attempts)} connections cannot reach {len(addresses)} endpoints")
    missing = sorted(set(addresses) - set(seen))
    sentence = (
        f"{len(attempts)} connections reached {len(seen)} of {len(addresses)} endpoints; "
        f"at most {allowed} may be left out"
    )
    if len(missing) > allowed:
        return wrong(f"{sentence}, but {missing[0]} and {len(missing) - 1} more were")
    return right(sentence)


def flows_moved(after: Attempts, backends: Collection[str]) -> Judgement:
    """Judge that every flow held open is now answered by one of these backends."""
    if not len(after):
        return undecided("no flow was held open")
    fates = Counter(
        "" if a.outcome == "alive" and a.backend in backends else a.backend or a.outcome
        for a in after
    )
    good = fates.pop("", 0)
    if fates:
        what = ", ".join(f"{name} ({count})" for name, count in sorted(fates.items()))
        return wrong(f"{fates.total()} of {len(after)} flows met {what}, not a present endpoint")
    return right(f"all {good} flows are answered by present endpoints")
