"""Judges of which backend each of a client's connections reached, in their order.

The connections were made one after the other by one client, with nobody else using the virtual
server; None stands for a connection that reached no backend. Connections are counted from 1.
"""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, listing, right, table, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_CONTEXT = 4  # connections shown before and after the first that differs


def strict_cycle(
    sequence: Sequence[str | None],
    order: Sequence[str] | None = None,
    *,
    backends: Collection[str] | None = None,
) -> Judgement:
    """Judge whether the connections went around the backends in one unchanging order.

    That is round robin: net/netfilter/ipvs/ip_vs_rr.c, and wrr with equal weights. `order` is the
    kernel's, if known; the walk may start anywhere in it. Without it the first round defines the
    order, and `backends`, if given, are who must be in it. Random picks over n backends pass by
    chance with probability about n^-(N-n) for N connections, given as the figure `chance`.
    Undecided until one connection more than a round was made.
    """
    expected = _first_round(sequence, order)
    size = len(order or backends or expected)
    if len(sequence) <= size:
        return undecided(
            f"{len(sequence)} connections do not go around {size} backends and begin again"
        )
    if backends is not None and set(expected) != set(backends):
        seen = listing([str(name) for name in expected], "and")
        return wrong(
            f"the first round of connections went to {seen or 'nobody'}; it should have been "
            f"to each of {listing(sorted(backends), 'and')} once"
        )
    predicted = [expected[turn % size] for turn in range(len(sequence))] if expected else []
    chance = float(size) ** -(len(sequence) - size)
    return _follows(sequence, predicted, "the cycle", {"chance": chance})


def matches_model(
    observed: Sequence[str | None], predicted: Sequence[str | None], *, model: str = "the model"
) -> Judgement:
    """Judge whether every connection went where a scheduler's model sends it.

    None in `predicted` is a connection that the model refuses. Undecided if nothing was observed,
    or if what was observed agrees but stops before the prediction does.
    """
    return _follows(observed, predicted, model, {})


def shares_within_one(counts: Mapping[str, int], *, unknown: int = 0) -> Judgement:
    """Judge whether the backends' connections differ by at most 1, as round robin guarantees.

    Holds for any mix of clients on a fixed set of backends (net/netfilter/ipvs/ip_vs_rr.c picks
    under a lock). `counts` must name every backend; `unknown` connections whose backend was never
    learnt widen the bound by as much. Undecided with fewer connections than backends.
    """
    total = sum(counts.values())
    if not counts or total < len(counts):
        return undecided(f"{total} connections over {len(counts)} backends show no distribution")
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    gap, bound = counts[most] - counts[least], 1 + unknown
    details = table(("backend", "seen"), [(name, str(counts[name])) for name in sorted(counts)])
    sentence = (
        f"{most} got {counts[most]} connections and {least} got {counts[least]}; "
        f"they may differ by {bound} at most"
    )
    return (right if gap <= bound else wrong)(sentence, details, {"gap": float(gap)})


def one_backend(sequence: Sequence[str | None]) -> Judgement:
    """Judge whether all connections went to one backend: session affinity, or a hash of the client.

    Undecided with fewer than 2 connections.
    """
    if len(sequence) < 2:
        return undecided(f"{len(sequence)} connections show no stickiness")
    return _follows(sequence, [sequence[0]] * len(sequence), "stickiness", {}, refused_ok=False)


def _first_round(sequence: Sequence[str | None], order: Sequence[str] | None) -> list[str | None]:
    """Give the order of the round that the first connection begins."""
    if order is not None:
        first = sequence[0] if sequence else None
        start = next((at for at, name in enumerate(order) if name == first), 0)
        return [*order[start:], *order[:start]]
    seen: list[str | None] = []
    for name in sequence:
        if name in seen:
            break
        seen.append(name)
    return seen


def _follows(
    observed: Sequence[str | None],
    predicted: Sequence[str | None],
    authority: str,
    figures: Mapping[str, float],
    *,
    refused_ok: bool = True,
) -> Judgement:
    if not observed:
        return undecided("no connection was made")
    for turn, (seen, right_one) in enumerate(zip_longest(observed, predicted[: len(observed)])):
        if turn >= len(predicted):
            return wrong(f"{len(observed)} connections, {authority} has {len(predicted)}")
        if seen != right_one or (seen is None and not refused_ok):
            sentence = (
                f"connection {turn + 1} {_went(seen)}, {authority} says {right_one or 'refused'}"
            )
            return wrong(sentence, _around(observed, predicted, turn), figures)
    if len(observed) < len(predicted):
        return undecided(f"only {len(observed)} of {len(predicted)} connections were made")
    backends = Counter(name for name in observed if name is not None)
    return right(
        f"all {len(observed)} connections went where {authority} says, over {len(backends)} "
        f"backend{'s' if len(backends) != 1 else ''}",
        figures=figures,
    )


def _went(name: str | None) -> str:
    return "reached no backend" if name is None else f"went to {name}"


def _around(observed: Sequence[str | None], predicted: Sequence[str | None], turn: int) -> str:
    """Show the connections around the first that differs."""
    rows = [
        (str(at + 1), predicted[at] or "refused", observed[at] or "none")
        for at in range(
            max(0, turn - _CONTEXT), min(len(observed), len(predicted), turn + _CONTEXT + 1)
        )
    ]
    return table(("connection", "expected", "seen"), rows)
