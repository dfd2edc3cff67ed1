"""Judges of a probe's columns: what became of each connection, and where it arrived.

Columns are equal-length lists by name, one place per attempt; read here are `outcome` ("ok",
"refused", "unreachable", "timeout", "reset", "garbled", "error"), `backend` and `error`. An attempt
that the probe itself failed to make ("error") speaks neither for nor against the build: it leaves a
judgement undecided that nothing else makes wrong. No attempts at all decide nothing either: a case
that passes must have seen a packet.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from suites.oracles.routing import Expected
from suites.oracles.statistics import never_chosen_samples
from suites.oracles.verdict import Judgement, listing, right, table, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Columns = Mapping[str, Sequence[Any]]

_WORDS = {
    "ok": "succeeded",
    "refused": "refused",
    "unreachable": "found the destination unreachable",
    "timeout": "timed out",
    "reset": "reset after connecting",
    "garbled": "answered with garbled data",
    "error": "not made, as the probe failed",
}
_PASSIVE = {"refused", "reset", "error"}
_ENDINGS = {
    "refused": frozenset({"refused"}),
    "dropped": frozenset({"timeout"}),
    "refused-or-dropped": frozenset({"refused", "timeout"}),
}
_MADE_BY_PROBE = "error"


def backends_seen(columns: Columns) -> Counter[str]:
    """Count the connections that reached each backend."""
    return Counter(
        str(backend)
        for outcome, backend in zip(columns["outcome"], columns["backend"], strict=True)
        if outcome == "ok"
    )


def reach(columns: Columns, expected: Expected) -> Judgement:
    """Judge whether every connection went where the routing model says.

    A dropped connection times out; netfilter tells a UDP sender on the node itself that its packet
    was not permitted (EPERM), which counts as dropped too.
    """
    endings = _ENDINGS[expected.otherwise] if expected.otherwise else frozenset[str]()
    fates = _fates(columns, not_permitted="timeout")
    should = f"should have {_fate(expected)}"
    if not fates:
        return undecided(f"no connection was attempted; every one {should}")
    wrongs: Counter[tuple[str, str]] = Counter()
    for (outcome, backend), count in fates.items():
        if not (backend in expected.backends if outcome == "ok" else outcome in endings):
            wrongs[outcome, backend] = count
    total, faults = fates.total(), wrongs.total()
    probe_faults = sum(count for (outcome, _), count in wrongs.items() if outcome == _MADE_BY_PROBE)
    figures = {"connections": float(total), "wrong": float(faults - probe_faults)}
    details = _table(fates, expected.backends, endings)
    if not faults:
        return right(f"all {total} connections {_fate(expected, be='were')}", details, figures)
    verdict = undecided if faults == probe_faults else wrong
    return verdict(f"{_account(wrongs, total)}; every one {should}", details, figures)


def all_ok(columns: Columns, backends: Collection[str]) -> Judgement:
    """Judge whether every connection reached one of these backends."""
    return reach(columns, Expected(frozenset(backends), None, None))


def only(columns: Columns, outcome: str) -> Judgement:
    """Judge whether every connection had this outcome, wherever it arrived."""
    fates: Counter[tuple[str, str]] = Counter()
    for (seen, backend), count in _fates(columns).items():
        fates[seen, backend if outcome != "ok" else ""] += count
    should = f"should have {_past(outcome)}"
    if not fates:
        return undecided(f"no connection was attempted; every one {should}")
    wrongs = Counter({fate: count for fate, count in fates.items() if fate[0] != outcome})
    figures = {"connections": float(fates.total()), "wrong": float(wrongs.total())}
    details = _table(fates, frozenset(), frozenset({outcome}))
    if not wrongs:
        return right(
            f"all {fates.total()} connections {_past(outcome, be='were')}", details, figures
        )
    verdict = undecided if set(wrongs) == {(_MADE_BY_PROBE, "")} else wrong
    return verdict(f"{_account(wrongs, fates.total())}; every one {should}", details, figures)


def covers(columns: Columns, backends: Collection[str], *, alpha: float) -> Judgement:
    """Judge whether every one of these backends was reached.

    Undecided about a backend not seen in fewer connections than a fair random pick needs to leave
    one out with probability `alpha` at most (`never_chosen_samples`).
    """
    seen = backends_seen(columns)
    missing = sorted(set(backends) - set(seen))
    details = table(("backend", "seen"), [(name, str(seen[name])) for name in sorted(backends)])
    figures = {"connections": float(seen.total()), "missing": float(len(missing))}
    if not backends:
        return undecided("there are no backends to reach")
    if not missing:
        return right(f"all {len(set(backends))} backends were reached", details, figures)
    sentence = f"none of {seen.total()} connections reached {listing(missing, 'or')}"
    if seen.total() < never_chosen_samples(len(set(backends)), alpha):
        return undecided(
            f"{sentence}, which is too few to say that none ever would", details, figures
        )
    return wrong(sentence, details, figures)


def _fates(columns: Columns, *, not_permitted: str = "unreachable") -> Counter[tuple[str, str]]:
    """Count attempts by outcome and, where they arrived, backend."""
    outcomes = columns["outcome"]
    backends = columns["backend"]
    errors = columns.get("error") or [None] * len(outcomes)
    fates: Counter[tuple[str, str]] = Counter()
    for outcome, backend, error in zip(outcomes, backends, errors, strict=True):
        if outcome == "ok":
            fates["ok", str(backend)] += 1
        elif outcome == "unreachable" and _not_permitted(error):
            fates[not_permitted, ""] += 1
        else:
            fates[str(outcome), ""] += 1
    return fates


def _not_permitted(error: object) -> bool:
    text = str(error or "").lower()
    return "eperm" in text or "operation not permitted" in text


def _fate(expected: Expected, *, be: str = "been") -> str:
    """Say what is right: 'reached web-1 or web-2', 'been refused'."""
    endings = {
        None: "",
        "refused": f"{be} refused",
        "dropped": "timed out",
        "refused-or-dropped": f"{be} refused or timed out",
    }
    reached = f"reached {listing(sorted(expected.backends), 'or')}" if expected.backends else ""
    ending = endings[expected.otherwise]
    return f"{reached}, or {ending}" if reached and ending else reached or ending


def _past(outcome: str, *, be: str = "been") -> str:
    """Put an outcome into the past: 'timed out', 'were refused'."""
    word = _WORDS.get(outcome, outcome)
    return f"{be} {word}" if outcome in _PASSIVE else word


def _account(wrongs: Counter[tuple[str, str]], total: int) -> str:
    """Say what went wrong, the most frequent first: '12 of 300 connections timed out'."""
    parts: list[str] = []
    for (outcome, backend), count in sorted(wrongs.items(), key=lambda item: (-item[1], item[0])):
        if outcome == "ok":
            fate = f"reached {backend}" if backend else "succeeded"
        else:
            fate = _past(outcome, be="was" if count == 1 else "were")
        parts.append(f"{count} of {total} connections {fate}" if not parts else f"{count} {fate}")
    return listing(parts, "and")


def _table(
    fates: Counter[tuple[str, str]], backends: Collection[str], endings: Collection[str]
) -> str:
    rows = [(name, "yes", str(fates["ok", name])) for name in sorted(backends)]
    rows += [
        (backend or outcome, "yes" if outcome in endings else "no", str(count))
        for (outcome, backend), count in sorted(fates.items(), key=lambda item: -item[1])
        if not (outcome == "ok" and backend in backends)
    ]
    return table(("endpoint", "expected", "seen"), rows)
