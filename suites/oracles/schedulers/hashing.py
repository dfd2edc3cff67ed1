"""IPVS schedulers that pick by a hash of an address: sh of the client's, dh of the server's."""

from __future__ import annotations

import ipaddress
import operator
from functools import reduce
from itertools import cycle, islice

from suites.oracles.schedulers.destinations import Destination, Destinations

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
    product = (folded(address) + port) * _GOLDEN_RATIO_32 & 0xFFFFFFFF
    return product >> (32 - bits)


def folded(address: str) -> int:
    """Return an IPv4 address as a number, an IPv6 one as the XOR of its four words."""
    value = int(ipaddress.ip_address(address))
    words = (value >> shift & 0xFFFFFFFF for shift in (0, 32, 64, 96))
    return reduce(operator.xor, words)


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


class DestinationHashing(Destinations):
    """The dh scheduler: net/netfilter/ipvs/ip_vs_dh.c.

    The virtual server's own address decides, so that all its clients go to one destination; those
    of a Service whose destination drains are refused until it is deleted. The table is the list,
    once for each destination whatever its weight, repeated until it is full.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        if not self._list:
            return None
        picked = self._list[hash_slot(self.address) % len(self._list)]
        return picked if picked.weight > 0 else None
