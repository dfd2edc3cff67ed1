"""The mh scheduler's hash and table."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.maglev import SLOTS, MaglevHashing, hsiphash
from tests.unit.oracles.schedulers.histories import endpoint

LOOKUP, SKIP = 2654435761, 2654446892


# Computed with the kernel's own C: hsiphash_1u32 of lib/siphash.c, 64 bit.
@pytest.mark.parametrize(
    ("value", "key", "hashed"),
    [
        (0, LOOKUP, 492468162),
        (1, LOOKUP, 384591538),
        (0x0AF40102 + 40000, LOOKUP, 1352044151),
        (0, SKIP, 4169286463),
        (0xFFFFFFFF, SKIP, 4149874525),
    ],
)
def test_hash_is_the_kernels(value: int, key: int, hashed: int) -> None:
    """SipHash-1-3 of 32 bits, cut to 32 bits."""
    assert hsiphash(value, key) == hashed


def model(numbers: list[int]) -> MaglevHashing:
    """Build a model with these destinations in kernel order."""
    return MaglevHashing([Destination(f"10.244.1.{number}:8080") for number in numbers])


def test_table_is_the_kernels() -> None:
    """Computed with C from ip_vs_mh_populate: the first slots, and the picks of twenty ports."""
    service = model([2, 3, 4])
    names = {f"10.244.1.{number}:8080": str(number - 2) for number in (2, 3, 4)}
    slots = "".join(names[name] for name in service.table()[:40])
    assert slots == "2221120112022101201120221022110102210201"
    picks = [service.connect("10.244.1.5", port) for port in range(40000, 40020)]
    assert "".join(names[pick or ""] for pick in picks) == "11220111100121011110"


@given(st.integers(1, 40))
def test_slots_are_shared_within_one(n: int) -> None:
    """With equal weights each destination has 4093/n slots, rounded down or up."""
    shares = Counter(model(list(range(2, n + 2))).table())
    assert sum(shares.values()) == SLOTS
    assert set(shares.values()) <= {SLOTS // n, -(-SLOTS // n)}


def test_order_hardly_matters() -> None:
    """Two nodes with another order of the list send nearly every client to the same endpoint."""
    one, other = model(list(range(2, 12))), model(list(range(11, 1, -1)))
    same = sum(a == b for a, b in zip(one.table(), other.table(), strict=True))
    assert same > 0.95 * SLOTS


@given(st.integers(2, 12))
def test_a_change_moves_few_clients(n: int) -> None:
    """An endpoint more takes its share and moves a tenth of the others at most."""
    service = model(list(range(2, n + 2)))
    before = list(service.table())
    service.add("10.244.1.200:8080")
    after = service.table()
    taken = sum(a == "10.244.1.200:8080" for a in after)
    moved = sum(a != b for a, b in zip(before, after, strict=True)) - taken
    assert taken in {SLOTS // (n + 1), SLOTS // (n + 1) + 1}
    assert moved <= 0.1 * SLOTS


def test_address_and_port_count_as_their_sum() -> None:
    """The next address with the port before has the same slot, as the kernel adds the two."""
    service = model([2, 3, 4])
    for port in range(40001, 40051):
        assert service.connect("10.244.1.5", port) == service.connect("10.244.1.6", port - 1)


def test_clients_of_a_draining_destination_are_refused_and_no_others_move() -> None:
    """It keeps its slots until it is deleted."""
    service = model([2, 3, 4])
    ports = range(40000, 40300)
    before = {port: service.connect("10.244.1.5", port) for port in ports}
    drained = "10.244.1.3:8080"
    service.set_weight(drained, 0)
    for port in ports:
        expected = None if before[port] == drained else before[port]
        assert service.connect("10.244.1.5", port) == expected
    service.remove(drained)
    assert all(service.connect("10.244.1.5", port) for port in ports)


def test_one_that_drains_from_the_start_has_its_slots() -> None:
    """A table read while an endpoint drains predicts as if it had been seen before."""
    late = MaglevHashing([Destination(endpoint(1)), Destination(endpoint(2), weight=0)])
    early = MaglevHashing([Destination(endpoint(1)), Destination(endpoint(2))])
    assert late.table() == early.table()


def test_weights_are_turns() -> None:
    """A destination of weight 2 has twice the slots, and a common divisor does not matter."""
    names = [endpoint(1), endpoint(2)]
    for scale in (1, 5):
        weights = zip(names, (2 * scale, scale), strict=True)
        shares = Counter(MaglevHashing([Destination(n, w) for n, w in weights]).table())
        assert shares[names[0]] == pytest.approx(2 * shares[names[1]], abs=2)


def test_ipv6_addresses_are_folded() -> None:
    """The four words of an IPv6 address count as their XOR."""
    service = MaglevHashing([Destination("[fd00::1]:8080"), Destination("[fd00::2]:8080")])
    assert Counter(service.table()).total() == SLOTS
    assert service.connect("::a", 1000) == service.connect("a::", 1000 - 0xA0000 + 0xA)
