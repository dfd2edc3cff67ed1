"""The addressing plan: nothing overlaps, everything lies where it should."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import combinations

import pytest

from clusters.embedded import addresses
from clusters.embedded.addresses import NodeAddresses, outside_client

NODES = [NodeAddresses(index) for index in range(1, 10)]
FAMILIES = ("ipv4", "ipv6")


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_do_not_overlap(family: str) -> None:
    """The networks of nodes, pods, Services and management share no address."""
    networks = [
        ip_network(plan[family])
        for plan in (addresses.NODE_NETWORK, addresses.POD_NETWORK, addresses.SERVICE_NETWORK)
    ]
    if family == "ipv4":
        networks.append(addresses.MANAGEMENT_NETWORK)
    for one, other in combinations(networks, 2):
        assert not one.overlaps(other)


@pytest.mark.parametrize("family", FAMILIES)
def test_everything_lies_in_its_network(family: str) -> None:
    """Nodes, outside clients and the API server are neighbours; pods and gateways are inside."""
    network = addresses.NODE_NETWORK[family]
    assert ip_address(addresses.API_SERVER[family]) in network
    for node in NODES:
        assert ip_address(node.node[family]) in network
        assert ip_network(node.pod_cidr[family]).subnet_of(addresses.POD_NETWORK[family])  # type: ignore[arg-type]
        assert ip_address(node.pod_gateway[family]) in ip_network(node.pod_cidr[family])
        assert ip_address(node.management) in addresses.MANAGEMENT_NETWORK
    for number in range(1, 9):
        assert ip_address(outside_client(number)[family]) in network


@pytest.mark.parametrize("family", FAMILIES)
def test_no_address_is_given_twice(family: str) -> None:
    """Nodes, outside clients, gateways and the API server are all different."""
    given = [addresses.API_SERVER[family]]
    given += [node.node[family] for node in NODES]
    given += [node.pod_gateway[family] for node in NODES]
    given += [outside_client(number)[family] for number in range(1, 9)]
    parsed = [ip_address(address) for address in given]
    assert len(set(parsed)) == len(parsed)


@pytest.mark.parametrize("family", FAMILIES)
def test_pod_ranges_do_not_overlap(family: str) -> None:
    """No two nodes hand out the same pod address."""
    ranges = [ip_network(node.pod_cidr[family]) for node in NODES]
    for one, other in combinations(ranges, 2):
        assert not one.overlaps(other)


def test_management_addresses_differ() -> None:
    """Nodes and the host have management addresses of their own."""
    given = [addresses.MANAGEMENT_HOST, *(node.management for node in NODES)]
    given += [addresses.outside_management(number) for number in range(1, 9)]
    assert len(set(given)) == len(given)
