"""An IPVS virtual server's destinations, in the kernel's order and with the kernel's counters."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class Destination:
    """One backend of a virtual server.

    `active` and `inactive` count connection entries as `ipvsadm -Ln` prints them. Weight 0 is a
    backend that drains: it keeps its connections and gets no new ones.
    """

    name: str
    weight: int = 1
    active: int = 0
    inactive: int = 0


def kernel_order(added: Iterable[str]) -> tuple[str, ...]:
    """Order destinations as the schedulers walk them: the one added last comes first.

    `__ip_vs_update_dest` (net/netfilter/ipvs/ip_vs_ctl.c) adds at the head of the list. kube-proxy
    adds the endpoints of a new Service in the sorted order of their "ip:port" strings in releases
    before kubernetes/kubernetes#121744 (end of 2023): pass `sorted(endpoints)`. Newer ones add in
    random order: read it from the node with `parse_table`.
    """
    return tuple(reversed(list(added)))


class Destinations:
    """What every scheduler's model shares: the list, its changes and the connection counters.

    A model starts from the destinations in kernel order, with their counters. Counters follow
    net/netfilter/ipvs/ip_vs_conn.c and ip_vs_proto_tcp.c: an entry is born inactive at the first
    packet, becomes active when TCP establishes (UDP never does), inactive again at the first FIN
    or RST, and stays so until its timer ends it: 10 s after a RST, 120 s after a FIN, 300 s for
    UDP. The model has no clock: say `expire` when an entry has ended.

    Raises ValueError for a destination or a connection that it does not have, as the prediction
    would be worthless from there on.
    """

    def __init__(self, destinations: Iterable[Destination], address: str = "") -> None:
        """`address` is the virtual server's own, which only dh looks at."""
        self.address = address
        self._list: list[Destination] = []
        self._removed: dict[str, Destination] = {}
        # One by one from the oldest, as the kernel got them: some schedulers' start depends on it.
        for destination in reversed(list(destinations)):
            self.add(destination.name, destination.weight)
            self._list[0].active = destination.active
            self._list[0].inactive = destination.inactive

    @property
    def order(self) -> tuple[str, ...]:
        """Names in kernel order."""
        return tuple(destination.name for destination in self._list)

    def connect(self, client_address: str, client_port: int = 0) -> str | None:
        """Schedule one new connection; None if the kernel has no destination for it.

        The client is then refused: `ip_vs_leave` answers with an ICMP port unreachable.
        """
        picked = self._pick(client_address, client_port)
        if picked is None:
            return None
        picked.inactive += 1
        return picked.name

    def established(self, name: str) -> None:
        """Note that a TCP connection completed its handshake."""
        self._move(name, inactive=-1, active=1)

    def close(self, name: str) -> None:
        """Note the first FIN or RST of an established connection."""
        self._move(name, inactive=1, active=-1)

    def expire(self, name: str) -> None:
        """Note that the kernel dropped an inactive entry."""
        self._move(name, inactive=-1, active=0)

    def add(self, name: str, weight: int = 1) -> None:
        """Add a destination at the head; one that was removed finds its connections again."""
        if name in self.order:
            raise ValueError(f"destination {name} is already there")
        destination = self._removed.pop(name, None) or Destination(name)
        destination.weight = weight
        self._list.insert(0, destination)
        self._changed()

    def remove(self, name: str) -> None:
        """Delete a destination; its established connections go on."""
        position = self._position(name)
        destination = self._removed[name] = self._list.pop(position)
        self._unlinked(destination, position)
        self._changed()

    def set_weight(self, name: str, weight: int) -> None:
        """Change a weight; 0 drains."""
        self._list[self._position(name)].weight = weight
        self._changed()

    def _pick(self, client_address: str, client_port: int) -> Destination | None:
        """Choose as the kernel's `schedule` hook does."""
        raise NotImplementedError

    def _unlinked(self, destination: Destination, position: int) -> None:
        """React as the kernel's `del_dest` hook does, where a change in general is not enough."""

    def _changed(self) -> None:
        """React as the kernel's `add_dest`, `del_dest` and `upd_dest` hooks do."""

    def _usable(self) -> Iterator[Destination]:
        """Walk, in kernel order, the destinations that may get connections."""
        return (destination for destination in self._list if destination.weight > 0)

    def _position(self, name: str) -> int:
        if name not in self.order:
            raise ValueError(f"there is no destination {name} among {', '.join(self.order)}")
        return self.order.index(name)

    def _move(self, name: str, *, inactive: int, active: int) -> None:
        destination = self._removed.get(name) or self._list[self._position(name)]
        if destination.inactive + inactive < 0 or destination.active + active < 0:
            raise ValueError(f"destination {name} has no such connection")
        destination.inactive += inactive
        destination.active += active


def parse_table(text: str) -> dict[str, tuple[str, list[Destination]]]:
    """Read /proc/net/ip_vs: scheduler and destinations by virtual server "tcp 10.96.0.1:80".

    Destinations are named "ip:port" ("[ip]:port" for IPv6) and stand in kernel order. The format is
    that of `ip_vs_info_seq_show` (net/netfilter/ipvs/ip_vs_ctl.c): hexadecimal addresses and ports,
    IPv6 in full within brackets. Firewall-mark servers, which kube-proxy never makes, are left out.
    Raises ValueError if a line is of no known form.
    """
    servers: dict[str, tuple[str, list[Destination]]] = {}
    current: list[Destination] = []
    for line in text.splitlines()[3:]:
        match line.split():
            case ["->", address, _, weight, active, inactive]:
                current.append(
                    Destination(_endpoint(address), int(weight), int(active), int(inactive))
                )
            case ["FWM", *_]:
                current = []
            case [protocol, address, scheduler, *_]:
                current = []
                servers[f"{protocol.lower()} {_endpoint(address)}"] = (scheduler, current)
            case []:
                pass
            case _:
                raise ValueError(f"not a line of /proc/net/ip_vs: {line!r}")
    return servers


def _endpoint(text: str) -> str:
    """Turn 0A600001:0050 into 10.96.0.1:80 and [2001:0db8:...:0001]:0050 into [2001:db8::1]:80."""
    address, port = text.rsplit(":", 1)
    if address.startswith("["):
        return f"[{ipaddress.IPv6Address(address[1:-1])}]:{int(port, 16)}"
    return f"{ipaddress.IPv4Address(int(address, 16))}:{int(port, 16)}"
