"""Attempts as an agent answers them, made from what matters to a test."""

from __future__ import annotations

from typing import Any

from fixtures.agent.attempts import Attempt, Attempts


def attempts(*rows: dict[str, Any]) -> Attempts:
    """Build attempts from the properties that matter to a test."""
    usual: dict[str, Any] = dict.fromkeys(Attempt._fields)
    usual |= {"late_ns": 0, "outcome": "ok", "backend": "a", "retransmits": 0}
    full = [{**usual, "at_ns": i, **row} for i, row in enumerate(rows)]
    return Attempts.of({name: [row[name] for row in full] for name in Attempt._fields})
