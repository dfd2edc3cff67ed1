"""IPVS schedulers that pick by a hash of an address."""

from __future__ import annotations

import ipaddress
from itertools import cycle, islice

from suites.oracles.destinations import Destination, Destinations

# CONFIG_IP_VS_SH_TAB_BITS may be 4 to 20; distributions leave it at the default.
TABLE_BITS = 8

_GOLDEN_RATIO_32 = 0x61C88647  # include/linux/hash.h


def hash_slot(address: str, port: int = 0, *, bits: int = TABLE_BITS) -> int:
    """Give the slot of an address in the tables of sh and dh, as `ip_vs_sh_hashkey` does.

    IPv6 addresses are folded to the XOR of their four words first. In host byte order on both
    sides, so the same on every machine: hash_32 keeps the top bits of a multiplication by the
    golden ratio. (Old kernels kept the low bits of the product with another constant, which made
    the slot depend on the last octet alone: not modelled.)
    """
    value = int(ipaddress.ip_address(address))
    folded = 0
    while value:
        folded ^= value & 0xFFFFFFFF
        value >>= 32
    product = (folded + port) * _GOLDEN_RATIO_32 & 0xFFFFFFFF
    return product >> (32 - bits)


class SourceHashing(Destinations):
    """The sh scheduler: net/netfilter/ipvs/ip_vs_sh.c without SH_PORT and SH_FALLBACK.

    kube-proxy sets neither flag for sh, so a client's address alone decides, the same for every
    port and protocol, and the clients of a draining backend are refused until it is deleted
    (kubernetes/kubernetes#121590). The table is laid out anew on every change
    (`ip_vs_sh_reassign`): destinations in kernel order, each `weight` times in a row, one of weight
    0 still once, repeated until the table is full.
    """

    def table(self) -> tuple[str, ...]:
        """Name the destination of every slot; empty without destinations."""
        return tuple(destination.name for destination in self._layout())

    def _layout(self) -> list[Destination]:
        run = [d for d in self._list for _ in range(max(1, d.weight))]
        return list(islice(cycle(run), 1 << TABLE_BITS))

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        layout = self._layout()
        if not layout:
            return None
        picked = layout[hash_slot(client_address)]
        return picked if picked.weight > 0 else None
