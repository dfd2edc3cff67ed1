"""A kube-proxy that takes what it has to refuse is held against it, and not the harness."""

from __future__ import annotations

import pytest

from clusters.errors import BuildError
from suites.refusal import refusal


def test_end_is_returned() -> None:
    """What the build said comes back."""

    def start() -> None:
        raise BuildError("no", kind="does-not-start", node="node-1", log="")

    assert refusal(start, "a bogus scheduler").kind == "does-not-start"


def test_service_is_a_failure() -> None:
    """Nothing raised means that kube-proxy serves."""
    with pytest.raises(AssertionError, match="serves with a bogus scheduler"):
        refusal(lambda: None, "a bogus scheduler")
