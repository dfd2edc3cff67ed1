"""The sh scheduler's arithmetic and table."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.hashing import SourceHashing, hash_slot

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


# Computed with the kernel's own C: hash_32 of include/linux/hash.h on what ip_vs_sh_hashkey folds.
@pytest.mark.parametrize(
    ("address", "slot"),
    [
        ("0.0.0.1", 97),
        ("10.244.1.2", 77),
        ("10.244.1.3", 175),
        ("10.244.2.2", 22),
        ("192.168.0.17", 220),
        ("255.255.255.255", 158),
        ("::1", 97),
        ("fd00:10:244::1", 226),
        ("fd00:10:244:1::2", 165),
        ("2001:db8::ff00:42:8329", 234),
    ],
)
def test_slot_is_the_kernels(address: str, slot: int) -> None:
    """IPv4 and IPv6 addresses hash to the slot that the kernel computes."""
    assert hash_slot(address) == slot


def test_slot_of_a_smaller_table_is_the_top_bits() -> None:
    """Fewer bits keep the top of the hash, as hash_32 shifts down."""
    assert hash_slot("10.244.1.2", bits=4) == hash_slot("10.244.1.2") >> 4


def model(names: list[str], weight: int = 1) -> SourceHashing:
    """Build a model with these destinations in kernel order."""
    return SourceHashing([Destination(name, weight) for name in names])


@given(ADDRESSES, st.lists(st.integers(1, 65535), min_size=2, max_size=8), st.integers(1, 6))
def test_a_client_keeps_its_backend_whatever_its_port(
    address: str, ports: list[int], n: int
) -> None:
    """Only the address counts, and the pick is the slot's place in the list, around and around."""
    names = [f"web-{number}" for number in range(n)]
    service = model(names)
    picks = {service.connect(address, port) for port in ports}
    assert picks == {names[hash_slot(address) % n]}


@given(st.integers(1, 12))
def test_slots_are_shared_within_one(n: int) -> None:
    """With equal weights each backend has 256/n slots, rounded down or up."""
    shares = Counter(model([f"web-{number}" for number in range(n)]).table())
    assert sum(shares.values()) == 256
    assert set(shares.values()) <= {256 // n, -(-256 // n)}


def test_weight_is_a_run_of_slots_and_zero_still_takes_one() -> None:
    """A draining backend keeps a slot per round of the table; a heavy one has a run."""
    service = SourceHashing([Destination("a", 2), Destination("b", 0), Destination("c", 1)])
    assert service.table()[:8] == ("a", "a", "b", "c", "a", "a", "b", "c")


def test_clients_of_a_draining_backend_are_refused_and_no_others_move() -> None:
    """While b drains its clients find nobody and everyone else stays where he was."""
    service = model(["c", "b", "a"])
    clients = [f"10.244.1.{host}" for host in range(2, 60)]
    before = {client: service.connect(client) for client in clients}
    service.set_weight("b", 0)
    for client in clients:
        assert service.connect(client) == (None if before[client] == "b" else before[client])
    service.remove("b")
    assert all(service.connect(client) in {"a", "c"} for client in clients)
