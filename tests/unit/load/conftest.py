"""A real agent that serves TCP, HTTP and UDP on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.unit.agent.conftest import launched

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ports(NamedTuple):
    """What the agent serves."""

    tcp: int
    http: int
    udp: int


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    """Serve one port of each kind."""
    with launched(pod="pod-a") as (agent, _process):
        made = [agent.serve(protocol=kind) for kind in ("tcp", "http", "udp")]  # type: ignore[arg-type]
        yield Ports(*made)
