"""Judges of histories: who answered while backends came and went and faults were in force.

A history is what was tried (`Tried`), who was a backend when (`Stay`), and when faults kept the
build from its work (`Window`). All times are seconds of one clock. A change takes effect at some
moment between its two times, so each judge uses the one that is kinder to the build. After Jepsen's
set-full checker and cilium's no-interrupted-connections test.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, listing, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

GOOD = "ok"
PROBE = "error"
"""An attempt that the probe itself could not make."""

PAST_THE_NODE = "answer from "
"""How the error begins of a datagram that is answered by another address than was asked: that of a
backend, where a node forgot meanwhile to give the Service's back."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt: when it began, by when it had its outcome, and which load made it."""

    at: float
    ended: float
    outcome: str
    backend: str | None
    load: str
    late: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """A backend was an endpoint from `added` to `removed`: each from the write to its answer."""

    backend: str
    added: tuple[float, float]
    removed: tuple[float, float] = (math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which something else counts than usual, and why."""

    start: float
    end: float
    why: str = ""


def misdelivered(tried: Sequence[Tried], backends: Collection[str]) -> Judgement:
    """Judge that nobody ever answered who was no backend at any time; no exception.

    A backend's answer that came past the node has failed, but was delivered.
    """
    answered = [one for one in tried if one.outcome == GOOD]
    strange = [one for one in answered if one.backend not in backends]
    garbled = [
        one
        for one in tried
        if one.outcome == "garbled"
        and not (one.backend in backends and one.error.startswith(PAST_THE_NODE))
    ]
    if strange or garbled:
        first = min([*strange, *garbled], key=lambda one: one.at)
        who = first.backend or f"garbled data ({first.error})"
        return wrong(
            f"{len(strange) + len(garbled)} of {len(tried)} connections were answered by somebody "
            f"who was never a backend, the first by {who}"
        )
    if not answered:
        return undecided("nobody answered anything")
    return right(f"all {len(answered)} answers came from backends of the Service")


def unfailing(
    tried: Sequence[Tried],
    excused: Sequence[Window] = (),
    budget: int = 0,
    ways: Collection[str] = (),
    stalled: Sequence[Window] = (),
) -> Judgement:
    """Judge that no more than `budget` attempts failed outside the windows that excuse them.

    An attempt is excused that was under way at any moment of a window, and that failed in one of
    these `ways` if there are any: who has no endpoint refuses, and drops nothing. A timeout is
    excused as well while the machine was `stalled`. Figures: failed attempts by kind, those excused
    as `excused`.
    """
    failed = [one for one in tried if one.outcome not in {GOOD, PROBE}]
    outside = [
        one
        for one in failed
        if not (in_window(one, excused) and (not ways or one.outcome in ways))
        and not (one.outcome == "timeout" and in_window(one, stalled))
    ]
    kinds = Counter(one.outcome for one in outside)
    figures = {f"failed_{kind}": float(count) for kind, count in sorted(kinds.items())}
    figures["excused"] = float(len(failed) - len(outside))
    if len(outside) > budget:
        named = listing([f"{count} {kind}" for kind, count in sorted(kinds.items())], "and")
        first = min(outside, key=lambda one: one.at)
        return wrong(
            f"{len(outside)} of {len(tried)} connections failed ({named}), the first of "
            f"{first.load} {_relative(first, excused)}; {budget or 'none'} may",
            _failures(outside),
            figures,
        )
    probe = sum(one.outcome == PROBE for one in tried)
    if probe:
        return undecided(f"the probe could not make {probe} of {len(tried)} attempts", "", figures)
    if not tried:
        return undecided("nothing was attempted")
    return right(
        f"{len(tried) - len(failed)} of {len(tried)} connections succeeded, "
        f"{len(failed) - len(outside)} failed while a fault excused it",
        figures=figures,
    )


def stalls(control: Sequence[Tried], *, slow: float = 0.5, around: float = 1.5) -> list[Window]:
    """Return when the machine stood still, by connections to pods past any kube-proxy.

    One of them that fails, or takes more than `slow` seconds, shows that packets or processes were
    held up for everybody, `around` seconds before and after.
    """
    held = sorted(
        (one.at - around, one.ended + around)
        for one in control
        if one.outcome != GOOD or one.ended - one.at > slow or one.late > slow
    )
    merged: list[Window] = []
    for start, end in held:
        if merged and start <= merged[-1].end:
            longest = max(end, merged[-1].end)
            merged[-1] = Window(merged[-1].start, longest, merged[-1].why)
        else:
            merged.append(Window(start, end, "the machine stood still"))
    return merged


def mostly(windows: Sequence[Window], start: float, end: float, *, share: float = 0.5) -> Judgement:
    """Judge that windows take no more than a share of a time; undecided if they do."""
    taken = sum(max(0.0, min(w.end, end) - max(w.start, start)) for w in windows)
    if taken > share * (end - start):
        return undecided(
            f"the machine stood still for {taken:.0f} of {end - start:.0f} s, as connections past "
            "kube-proxy show, which leaves too little to judge by"
        )
    return right(f"the machine stood still for {taken:.1f} s", figures={"stalled_s": taken})


def in_window(one: Tried, windows: Sequence[Window]) -> bool:
    """Tell whether an attempt was under way at any moment of a window."""
    return any(one.at <= window.end and one.ended >= window.start for window in windows)


def _relative(one: Tried, windows: Sequence[Window]) -> str:
    ended = [window for window in windows if window.end < one.at]
    if not ended:
        return f"({one.outcome}, {one.error or 'no answer'}) before any fault"
    last = max(ended, key=lambda window: window.end)
    return f"({one.outcome}, {one.error or 'no answer'}) {one.at - last.end:.2f} s after {last.why}"


def _failures(failed: Sequence[Tried]) -> str:
    first = min(one.at for one in failed)
    rows = [
        f"+{one.at - first:7.3f} s {one.load} {one.outcome} {one.error}".rstrip()
        for one in sorted(failed, key=lambda one: one.at)[:40]
    ]
    return "\n".join(rows)


def flows_kept(
    tried: Sequence[Tried],
    excused: Sequence[Window] = (),
    returned: Mapping[str, Sequence[Window]] | None = None,
) -> Judgement:
    """Judge that open flows go on: none breaks, and none changes its backend.

    `tried` are the requests of flows, each load one flow. A flow may break while its backend has
    `returned`. Figure `cut`: flows that broke.
    """
    cut, moved, flows = [], [], by_load(tried)
    for name, own in flows.items():
        whole, backend = True, ""
        for one in sorted(own, key=lambda one: one.at):
            if one.outcome == PROBE:
                continue
            if one.outcome != GOOD:
                whole = False
                if not in_window(one, [*excused, *(returned or {}).get(backend, ())]):
                    cut.append(f"{name} ({one.outcome})")
                    break
                continue
            # A flow that broke where it may begins anew, with whoever it meets.
            if whole and backend and one.backend != backend:
                moved.append(f"{name} from {backend} to {one.backend}")
                break
            whole, backend = True, one.backend or ""
    figures = {"cut": float(len(cut)), "moved": float(len(moved))}
    if cut:
        return wrong(
            f"{len(cut)} of {len(flows)} open flows broke: {listing(cut, 'and')}", "", figures
        )
    if moved:
        return wrong(f"open flows changed their backend: {listing(moved, 'and')}", "", figures)
    if not flows or not any(one.outcome == GOOD for one in tried):
        return undecided("no flow was answered")
    return right(f"all {len(flows)} open flows went on with their backends", "", figures)


def affine(tried: Sequence[Tried]) -> Judgement:
    """Judge that each load's connections stay with one backend (session affinity)."""
    loads = by_load([one for one in tried if one.outcome == GOOD])
    for name, own in loads.items():
        seen = list(dict.fromkeys(one.backend for one in own))
        if len(seen) > 1:
            return wrong(f"connections of {name} went to {listing([str(s) for s in seen], 'and')}")
    if not loads:
        return undecided("nobody answered")
    return right(f"the connections of each of {len(loads)} clients stayed with one backend")


def lively(
    tried: Sequence[Tried],
    rates: dict[str, float],
    start: float,
    end: float,
    *,
    share: float = 0.5,
    pause: float = 5.0,
) -> Judgement:
    """Judge that the test itself lived: enough attempts were made, without a long pause.

    `rates` are what each load should have made a second. Too few decide nothing.
    """
    for name, rate in rates.items():
        own = sorted(one.at for one in tried if one.load == name and start <= one.at <= end)
        if len(own) < share * rate * (end - start):
            return undecided(
                f"{name} made {len(own)} attempts of {rate * (end - start):.0f}: the machine is "
                "too busy to judge by"
            )
        gaps = [later - sooner for sooner, later in itertools.pairwise(own)]
        if gaps and max(gaps) > max(pause, 3 / rate):
            return undecided(f"{name} paused for {max(gaps):.1f} s: the machine stood still")
    return right(f"{len(rates)} loads made their attempts")


def by_load(tried: Sequence[Tried]) -> dict[str, list[Tried]]:
    """Return the attempts of each load."""
    loads: dict[str, list[Tried]] = defaultdict(list)
    for one in tried:
        loads[one.load].append(one)
    return dict(loads)
