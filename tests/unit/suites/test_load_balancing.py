"""Ranges of addresses that let some in, and what is made of who was shut out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from suites.conformance.test_source_ranges_last import lasting
from suites.load_balancing import kept_out, only_from
from tests.unit.attempts import attempts


def test_ranges_are_of_two_addresses_or_of_one() -> None:
    """Each address is in its range, and the neighbours of the testbed's are not."""
    field = only_from("172.18.200.2", "fd00:172:18::200:2")["loadBalancerSourceRanges"]
    assert field == ["172.18.200.2/31", "fd00:172:18::200:2/127"]
    assert only_from("10.0.0.7")["loadBalancerSourceRanges"] == ["10.0.0.6/31"]
    assert only_from("10.0.0.7", one=True)["loadBalancerSourceRanges"] == ["10.0.0.7/32"]


def test_a_neighbour_in_the_range_is_not_kept_out() -> None:
    """172.17.0.3 is in a range of two with 172.17.0.2, and nobody else is."""
    clients = [
        SimpleNamespace(addresses={"ipv4": f"172.17.0.{last}", "ipv6": "fd00::1"})
        for last in (1, 2, 3, 4)
    ]
    some = only_from("172.17.0.3")
    found = kept_out(some, clients, "ipv4")  # type: ignore[arg-type]
    assert found == [clients[0], clients[3]]
    one = only_from("172.17.0.3", one=True)
    assert len(kept_out(one, clients, "ipv4")) == 3  # type: ignore[arg-type]


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
