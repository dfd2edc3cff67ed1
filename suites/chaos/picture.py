"""The timeline of an experiment as plain data; `reports/timeline.py` draws it."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.history import History
    from suites.oracles.history import Tried

BINS = 120


def timeline(history: History, tried: Sequence[Tried]) -> dict[str, Any]:
    """Return {"seconds", "lanes", "spans"}: attempts that were answered or failed in each bin.

    A bin is a 120th of the whole; times are seconds from the first attempt.
    """
    if not tried:
        return {}
    start = min(one.at for one in tried)
    end = max(one.ended for one in tried)
    width = max((end - start) / BINS, 0.05)
    lanes: dict[str, dict[str, list[int]]] = defaultdict(
        lambda: {"answered": [0] * BINS, "failed": [0] * BINS}
    )
    for one in tried:
        number = min(BINS - 1, int((one.at - start) / width))
        lanes[one.load]["answered" if one.outcome == "ok" else "failed"][number] += 1
    spans = [
        {
            "name": span.name,
            "kind": span.kind,
            "start": round(max(0.0, span.start - start), 3),
            "end": round(min(span.end, end) - start, 3),
        }
        for span in history.spans
        if span.start < end and (span.end >= start or math.isinf(span.end))
    ]
    return {
        "seconds": round(end - start, 3),
        "lanes": [{"name": name, **lane} for name, lane in lanes.items()],
        "spans": spans,
    }
