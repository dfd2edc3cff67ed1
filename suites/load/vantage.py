"""Where loads come from, and how they get to the node that is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.protocol import Node
    from fixtures.clients import Client
    from fixtures.load.places import InPods, Outside, Places
    from fixtures.provide import Clients
    from fixtures.surroundings import Entry


class Vantage(Protocol):
    """Where loads come from."""

    @property
    def places(self) -> Places:
        """Where locust runs."""

    def enter(self, number: int, addresses: Iterable[str]) -> Client:
        """Have what place `number` sends to some addresses pass its node; return who is there."""


class FromOutside:
    """Outside clients, who are led to one node."""

    def __init__(self, places: Outside, node: Node, entry: Entry) -> None:
        self.places = places
        self.node = node
        self.entry = entry

    def enter(self, number: int, addresses: Iterable[str]) -> Client:
        """Lead the addresses by the node."""
        for address in addresses:
            self.entry.by(self.node, address, number - 1)
        return self.entry.clients.outside(number - 1)


class FromPods:
    """Pods, which always pass the node that they are on."""

    def __init__(self, places: InPods, clients: Clients) -> None:
        self.places = places
        self.clients = clients

    def enter(self, number: int, addresses: Iterable[str]) -> Client:
        """Return a client that is a pod beside the one with locust."""
        del addresses
        return self.clients.pod(self.places.node(number))
