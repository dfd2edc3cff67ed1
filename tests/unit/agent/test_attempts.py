"""The columns of a probe and the arithmetic of its plan, without any agent."""

from __future__ import annotations

import math
from typing import Any

import pytest

from clusters.errors import HarnessError
from fixtures.agent.attempts import Attempts, Plan
from tests.unit.attempts import attempts


def test_nothing_seen_is_not_ok() -> None:
    """Without a single attempt nothing has been shown."""
    assert not Attempts().ok
    assert attempts({}).ok
    assert not attempts({}, {"outcome": "timeout"}).ok


def test_counts_ignore_what_failed() -> None:
    """A backend counts where it answered well; a garbled answer is nobody's."""
    seen = attempts(
        {"backend": "a"}, {"backend": "b"}, {"backend": "a"},
        {"outcome": "garbled", "backend": "b"}, {"outcome": "refused", "backend": None},
    )  # fmt: skip
    assert seen.by_backend() == {"a": 2, "b": 1}
    assert seen.sequence() == ["a", "b", "a"]
    assert seen.outcomes() == {"ok": 3, "garbled": 1, "refused": 1}
    failure = seen.first_failure()
    assert failure is not None
    assert failure.outcome == "garbled"
    assert seen.where(outcome="ok", backend="a").at_ns == [0, 2]


def test_sources_are_addresses_without_ports() -> None:
    """Both families' notations lose their port and IPv6 its brackets."""
    seen = attempts({"source": "10.0.0.1:5"}, {"source": "[fd00::1]:5"}, {"source": None})
    assert seen.sources() == {"10.0.0.1": 1, "fd00::1": 1}


def test_concat_orders_by_time() -> None:
    """Batches that overlapped are merged into one history."""
    late, early = attempts({"at_ns": 2}, {"at_ns": 4}), attempts({"at_ns": 1}, {"at_ns": 3})
    assert late.concat(early).at_ns == [1, 2, 3, 4]
    assert late.at_ns == [2, 4]


def test_percentiles_are_nearest_rank() -> None:
    """A percentile is a value that occurred; attempts without one do not count."""
    seen = attempts(*({"first_byte_ns": n} for n in range(100, 0, -1)), {"outcome": "timeout"})
    assert [seen.percentile_ns(p) for p in (0, 50, 99, 100)] == [1, 50, 99, 100]
    with pytest.raises(ValueError, match="connect_ns"):
        seen.percentile_ns(50, "connect_ns")


def test_columns_of_another_shape_are_refused() -> None:
    """An agent of another version is found out instead of misread."""
    with pytest.raises(HarnessError, match="version"):
        Attempts.of({"at_ns": []})
    with pytest.raises(HarnessError, match="unequal"):
        Attempts(at_ns=[1])


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"count": 10}, 11),
        ({"count": 10, "timeout": 0.5}, 5.5),
        ({"count": 10, "concurrency": 5}, 3),
        ({"count": 100, "rate": 10, "concurrency": 100}, 11),
        ({"duration": 4}, 5),
        ({"count": 1000, "duration": 4}, 5),
        ({"duration": 4, "rate": 10, "concurrency": 50}, 5),
        ({"rate": 10}, math.inf),
    ],
)
def test_a_plan_knows_how_long_it_may_take(fields: dict[str, Any], seconds: float) -> None:
    """The bound holds when every attempt times out."""
    assert Plan(host="h", port=1, **fields).longest() == seconds
