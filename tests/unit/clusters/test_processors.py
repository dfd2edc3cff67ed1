"""Whom to move to which processor."""

from __future__ import annotations

import pytest

from clusters.embedded.processors import Share, choose

CROWDED = [Share("node-1", 0, 0.9), Share("node-2", 1, 0.1), Share("node-3", 0, 0.7)]


def test_the_one_that_wants_least_goes_to_who_idles() -> None:
    """Two nodes work on processor 0 and nobody on processor 1."""
    assert choose({0: 0.0, 1: 0.8}, CROWDED) == ("node-3", 1)


def test_the_idlest_processor_is_chosen() -> None:
    """Of several that idle the one that idles most is chosen."""
    assert choose({0: 0.0, 1: 0.5, 2: 1.0, 3: 0.7}, CROWDED) == ("node-3", 2)


@pytest.mark.parametrize(
    ("idle", "shares"),
    [
        ({0: 0.0, 1: 0.2}, CROWDED),
        ({0: 0.3, 1: 0.8}, CROWDED),
        ({0: 0.0, 1: 0.8}, [Share("node-1", 0, 1.0), Share("node-3", 0, 0.05)]),
        ({0: 0.0, 1: 0.8}, [Share("node-1", 0, 1.0), Share("node-2", 1, 1.0)]),
        ({}, []),
    ],
    ids=["nobody idles", "both have room", "one of them sleeps", "they share none", "nobody"],
)
def test_otherwise_nobody_is_moved(idle: dict[int, float], shares: list[Share]) -> None:
    """A move costs a little, so there has to be a gain."""
    assert choose(idle, shares) is None
