"""What becomes of differences: documented ones are shown, all others fail the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from suites.oracles.differences import Difference

SHOWN = 200
"""Differences that the journal keeps; a mode that does nothing at all differs in thousands."""


def told(found: Sequence[Difference], observe: Callable[[str, object], None]) -> None:
    """Show documented differences and raise AssertionError for the others."""
    wrong = [str(one) for one in found if not one.reasons]
    observe("documented differences", documented(found))
    observe("differences", wrong[:SHOWN])
    more = f" (and {len(wrong) - 1} more like it)" if len(wrong) > 1 else ""
    assert not wrong, f"the modes differ: {wrong[0]}{more}"


def documented(found: Sequence[Difference]) -> list[dict[str, object]]:
    """Return a row for each documented difference that was met, with how often and an example."""
    rows: dict[str, dict[str, object]] = {}
    counts: dict[str, int] = {}
    for one in found:
        for entry in one.reasons:
            counts[entry.what] = counts.get(entry.what, 0) + 1
            rows.setdefault(
                entry.what,
                {
                    "mode": entry.mode,
                    "documented, no failure": entry.what,
                    "source": entry.source,
                    "first met": str(one),
                },
            )
    return [row | {"questions": counts[what]} for what, row in rows.items()]
