"""Processes that run cases beside each other have NodePorts of their own."""

from __future__ import annotations

from suites.node_ports import EACH, STATIC, numbers


def test_neighbours_begin_with_different_numbers() -> None:
    firsts = [set(numbers(process)[:EACH]) for process in range(4_000, 4_000 + len(STATIC) // EACH)]
    assert len(set.union(*firsts)) == EACH * len(firsts)


def test_at_last_every_number_is_tried() -> None:
    assert sorted(numbers(4_007)) == list(STATIC)
