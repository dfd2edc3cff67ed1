"""Judges of who answered against who was a backend then; see `suites/oracles/history.py`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from suites.oracles.history import GOOD, Stay, Tried, Window, by_load
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import Judgement, right, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def stale(
    tried: Sequence[Tried], stays: Sequence[Stay], bound: float, deaf: Sequence[Window] = ()
) -> Judgement:
    """Judge that a removed backend gets no connection later than `bound` seconds.

    While a window of `deaf` lasts the build cannot learn of changes: the time begins at its end.
    The figure `stale_s` is the longest time from a removal to the last connection that got there.
    """
    worst, late = 0.0, []
    removed = [stay for stay in stays if stay.removed[1] < math.inf]
    for stay in removed:
        limit = deadline(stay.removed[1], bound, deaf)
        for one in tried:
            if one.backend != stay.backend or one.outcome != GOOD or one.at <= stay.removed[1]:
                continue
            if any(_joined_again(other, one, stay) for other in stays):
                continue
            worst = max(worst, one.at - stay.removed[1])
            if one.at > limit:
                late.append((one, stay))
    figures = {"stale_s": round(worst, 3)}
    if late:
        one, stay = max(late, key=lambda pair: pair[0].at - pair[1].removed[1])
        return wrong(
            f"{len(late)} connections reached a removed backend too late, one of {one.load} "
            f"reached {stay.backend} {one.at - stay.removed[1]:.2f} s after it was removed; "
            f"it may take {bound:.2f} s",
            figures=figures,
        )
    return right(
        f"{len(removed)} removed backends got nothing later than {worst:.2f} s", figures=figures
    )


def _joined_again(other: Stay, one: Tried, stay: Stay) -> bool:
    """Tell whether the backend may have joined again before the attempt ended.

    Then it is the later removal, if there is one, that the attempt is judged by.
    """
    return (
        other is not stay
        and other.backend == stay.backend
        and stay.removed[0] <= other.added[0] <= one.ended
    )


def without_late_replies(
    tried: Sequence[Tried], stays: Sequence[Stay], bound: float, loads: Collection[str]
) -> list[Tried]:
    """Leave out one datagram of each of these loads for each removal of a backend.

    A flow of UDP to a removed backend is forgotten at once (ip_vs_expire_nodest_conn_flush in
    net/netfilter/ipvs/ip_vs_conn.c; CleanStaleEntries in k/k pkg/proxy/conntrack/cleanup.go). So
    nobody brings back the reply that is under way just then, or gives it the Service's address.
    """
    left_out: set[int] = set()
    for stay in stays:
        limit = stay.removed[1] + bound
        if limit == math.inf:
            continue
        for load in loads:
            for number, one in enumerate(tried):
                if (
                    one.load == load
                    and number not in left_out
                    and stay.removed[0] <= one.ended
                    and one.at <= limit
                    and (one.outcome == "timeout" or one.error.startswith("answer from "))
                ):
                    left_out.add(number)
                    break
    return [one for number, one in enumerate(tried) if number not in left_out]


def returns(stays: Sequence[Stay], bound: float) -> dict[str, list[Window]]:
    """Return by backend the times in which it may have been made an endpoint again.

    IPVS mode deletes a real server that still drains, and adds it again (syncEndpoint in k/k
    pkg/proxy/ipvs/proxier.go): an open connection that sends between the two is cut.
    """
    found: dict[str, list[Window]] = {}
    for stay in stays:
        if any(
            other.backend == stay.backend and other.removed[0] <= stay.added[0] for other in stays
        ):
            window = Window(stay.added[0], stay.added[1] + bound, f"{stay.backend} returned")
            found.setdefault(stay.backend, []).append(window)
    return found


def deadline(moment: float, bound: float, deaf: Sequence[Window]) -> float:
    """Return when a change of that moment has to be in force."""
    limit = moment + bound
    for window in sorted(deaf, key=lambda window: window.start):
        if window.start <= limit and window.end > moment:
            limit = max(limit, window.end + bound)
    return limit


def arrived(
    tried: Sequence[Tried],
    stays: Sequence[Stay],
    bound: float,
    deaf: Sequence[Window] = (),
    *,
    alpha: float = 1e-9,
) -> Judgement:
    """Judge that each load reaches an added backend within `bound` seconds.

    Wrong is one that was never chosen, later than that, in as many connections as would all have
    missed it with a chance below `alpha`. The figure `first_packet_s` is the longest time to the
    first connection.
    """
    slowest, never, loads = 0.0, [], by_load(tried)
    for stay in stays:
        if stay.added[0] == -math.inf:
            continue
        limit = deadline(stay.added[1], bound, deaf)
        for name, own in loads.items():
            hits = [
                one.at
                for one in own
                if one.backend == stay.backend and one.outcome == GOOD and one.ended > stay.added[0]
            ]
            inside = [at for at in hits if at <= stay.removed[1]]
            if inside:
                slowest = max(slowest, min(inside) - stay.added[1])
            # Late, or never: the connections after the limit, up to the first that arrived.
            until = min([*(at for at in inside if at > limit), stay.removed[0]])
            if inside and min(inside) <= limit:
                continue
            after = [one for one in own if one.outcome == GOOD and limit < one.at < until]
            members = max(2, len(_members(stays, limit)))
            if len(after) >= never_chosen_samples(members, alpha):
                never.append((name, stay, len(after)))
    figures = {"first_packet_s": round(slowest, 3)}
    if never:
        name, stay, count = never[0]
        return wrong(
            f"{count} connections of {name}, made more than {bound:.2f} s after {stay.backend} "
            f"was added, all went to others ({len(never)} such)",
            figures=figures,
        )
    added = sum(stay.added[0] > -math.inf for stay in stays)
    return right(f"{added} added backends were reached, after {slowest:.2f} s at most", "", figures)


def _members(stays: Sequence[Stay], at: float) -> set[str]:
    return {stay.backend for stay in stays if stay.added[1] <= at < stay.removed[0]}
