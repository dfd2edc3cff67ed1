"""The mh scheduler: Maglev hashing of the client's address and port."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from suites.oracles.schedulers.destinations import Destination, Destinations
from suites.oracles.schedulers.hashing import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SLOTS = 4093
"""The table's size at the default of CONFIG_IP_VS_MH_TAB_INDEX, 12."""

_INDEX_BITS = 12 // 2  # IP_VS_MH_TAB_BITS

# generate_hash_secret (ip_vs_mh.c): fixed, so that all nodes have the same table.
_LOOKUP_KEY = 2654435761
_SKIP_KEY = 2654446892

_MASK = (1 << 64) - 1
_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _round(v: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Mix as SIPHASH_PERMUTATION of include/linux/siphash.h does."""
    a, b, c, d = v
    a = (a + b) & _MASK
    b = _rotated(b, 13) ^ a
    a = _rotated(a, 32)
    c = (c + d) & _MASK
    d = _rotated(d, 16) ^ c
    a = (a + d) & _MASK
    d = _rotated(d, 21) ^ a
    c = (c + b) & _MASK
    b = _rotated(b, 17) ^ c
    c = _rotated(c, 32)
    return a, b, c, d


def hsiphash(value: int, key: int) -> int:
    """Hash 32 bits as hsiphash_1u32 (lib/siphash.c) does on 64-bit machines: SipHash-1-3, cut off.

    Both halves of the key are `key`. Old 32-bit machines have another function: not modelled.
    """
    last = 4 << 56 | value & 0xFFFFFFFF
    a, b, c, d = (start ^ key for start in _START)
    a, b, c, d = _round((a, b, c, d ^ last))
    a, c = a ^ last, c ^ 0xFF
    for _ in range(3):
        a, b, c, d = _round((a, b, c, d))
    return (a ^ b ^ c ^ d) & 0xFFFFFFFF


@cache
def _start_and_skip(name: str) -> tuple[int, int]:
    """Give where a destination "ip:port" begins in the table and how far it steps."""
    address, _, port = name.rpartition(":")
    value = folded(address.strip("[]")) + int(port)
    return (
        hsiphash(value, _LOOKUP_KEY) % SLOTS,
        hsiphash(value, _SKIP_KEY) % (SLOTS - 1) + 1,
    )


@lru_cache(maxsize=256)
def laid_out(turns: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """Name the destination of every slot, from how many slots each takes in a round.

    As ip_vs_mh_populate fills the table; the destinations are in kernel order.
    """
    slots: list[str | None] = [None] * SLOTS
    at = {name: _start_and_skip(name)[0] for name, _ in turns}
    left = SLOTS if turns else 0
    while left:
        for name, count in turns:
            _, skip = _start_and_skip(name)
            for _ in range(min(count, left)):
                while slots[at[name]] is not None:
                    at[name] = (at[name] + skip) % SLOTS
                slots[at[name]] = name
                left -= 1
    return tuple(name for name in slots if name is not None)


class MaglevHashing(Destinations):
    """The mh scheduler: net/netfilter/ipvs/ip_vs_mh.c with MH_PORT and without MH_FALLBACK.

    That is how kube-proxy sets it up (kubernetes/kubernetes#115527): the client's address and port
    decide, the same on every node. The table is filled by all destinations in turn, each at the
    next free slot of its own sequence, so that a change moves few clients. A draining destination
    keeps its slots, and their clients are refused (kubernetes/kubernetes#138688).

    Destinations must be named "ip:port" ("[ip]:port" for IPv6). One that has weight 0 from the
    start counts as one of weight 1 that drains, as kube-proxy adds none of weight 0.
    """

    def __init__(self, destinations: Iterable[Destination], address: str = "") -> None:
        self._weights: dict[str, int] = {}
        self._table: Sequence[str] | None = None
        super().__init__(destinations, address)

    def table(self) -> Sequence[str]:
        """Name the destination of every slot; empty without destinations."""
        if self._table is None:
            turns = self._turns()
            self._table = laid_out(tuple((name, turns[name]) for name in self.order))
        return self._table

    def _changed(self) -> None:
        self._table = None
        for destination in self._list:
            if destination.weight > 0:
                self._weights[destination.name] = destination.weight

    def _pick(self, client_address: str, client_port: int) -> Destination | None:
        table = self.table()
        if not table:
            return None
        value = hsiphash(folded(client_address) + client_port, _LOOKUP_KEY)
        picked = self._list[self._position(table[value % SLOTS])]
        return picked if picked.weight > 0 else None

    def _turns(self) -> dict[str, int]:
        """Say how many slots each destination takes in a round (ip_vs_mh_permutate)."""
        weights = {name: self._weights.get(name, 1) for name in self.order}
        divisor = math.gcd(*weights.values()) or 1
        highest = max(weights.values(), default=0) // divisor
        shift = max(0, highest.bit_length() - _INDEX_BITS)
        return {name: (weight // divisor >> shift) or 1 for name, weight in weights.items()}
