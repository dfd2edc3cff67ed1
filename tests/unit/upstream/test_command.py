"""What is asked for on the command line is what is compared, or is refused before anything runs."""

from __future__ import annotations

import pytest

from clusters.errors import ConfigError
from tests.upstream.__main__ import chosen, described, main, wall
from tests.upstream.mapping import SPECS


def test_chosen() -> None:
    """All specs for no case; for a case those that are compared with it."""
    assert chosen("") == SPECS
    assert [spec.text for spec in chosen("SVC-007, NEP-001")] == [
        "should allow pods to hairpin back to themselves through services",
        "should be rejected when no endpoints exist",
    ]


def test_no_such_case(capsys: pytest.CaptureFixture[str]) -> None:
    """One that no spec is compared with would select every case there is."""
    with pytest.raises(ConfigError, match="NP-999"):
        chosen("SVC-007,NP-999")
    assert main(["--cases", "NP-999"]) == 4
    assert "NP-999" in capsys.readouterr().out


def test_wall() -> None:
    """From the first case's begin to the last one's end, in seconds."""
    second = 1_000_000_000
    records = [
        {"kind": "run", "mono_ns": 0},
        {"kind": "case-start", "mono_ns": 2 * second},
        {"kind": "case-start", "mono_ns": 3 * second},
        {"kind": "case", "mono_ns": 9 * second},
        {"kind": "case", "mono_ns": 7 * second},
        {"kind": "end", "mono_ns": 20 * second},
    ]
    assert wall(records) == 7.0
    assert wall([]) == 0.0


def test_described() -> None:
    """A build with defects says so wherever it is named."""
    assert described("v1.34.4", ()) == "v1.34.4"
    assert described("v1.34.4", ["one", "two"]) == "v1.34.4 with defects: one; two"
