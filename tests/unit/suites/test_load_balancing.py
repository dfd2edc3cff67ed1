"""Ranges of addresses that let some in, and what is made of who was shut out."""

from __future__ import annotations

import pytest

from suites.conformance.test_source_ranges_last import lasting
from suites.load_balancing import only_from
from tests.unit.attempts import attempts


def test_ranges_are_of_two_addresses_or_of_one() -> None:
    """Each address is in its range, and the neighbours of the testbed's are not."""
    field = only_from("172.18.200.2", "fd00:172:18::200:2")["loadBalancerSourceRanges"]
    assert field == ["172.18.200.2/31", "fd00:172:18::200:2/127"]
    assert only_from("10.0.0.7")["loadBalancerSourceRanges"] == ["10.0.0.6/31"]
    assert only_from("10.0.0.7", one=True)["loadBalancerSourceRanges"] == ["10.0.0.7/32"]


@pytest.mark.parametrize(
    ("alone", "beside", "ok"), [(0, 0, True), (2, 0, True), (3, 0, False), (30, 3, None)]
)
def test_who_is_shut_out_alone(alone: int, beside: int, ok: bool | None) -> None:  # noqa: FBT001
    """A machine that loses datagrams to both decides nothing; a few may be lost by chance."""
    judgement = lasting(
        *(attempts(*[{"outcome": "timeout"}] * n, *[{}] * 100) for n in (alone, beside))
    )
    assert judgement.ok is ok
    assert f"{alone} of {100 + alone}" in judgement.sentence
