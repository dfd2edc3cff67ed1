"""A cluster that is closed has never been there.

In a module whose name comes last: an embedded provider takes this process into the network of the
cluster that it makes, so the one that the other tests share is out of reach afterwards.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ProxyproofError, TestbedError
from fixtures.agent.client import Agent

if TYPE_CHECKING:
    from clusters.protocol import AgentAddress
    from tests.contract.conftest import Provider

LATE = 5.0


def hello(address: AgentAddress) -> dict[str, object]:
    """Ask an agent who it is."""
    with Agent(address.host, address.port, timeout=LATE) as agent:
        return agent.hello()


def test_close_leaves_nothing(provider: Provider, tmp_path: Path) -> None:
    """After close no process of the cluster is left, and a second close does no harm."""
    before = children()
    try:
        made = provider.make(tmp_path)
    except TestbedError as error:
        if "another run uses this cluster" not in str(error):
            raise
        pytest.skip("an existing cluster serves one run at a time: run this module by itself")
    address = made.nodes[0].agent
    hello(address)
    made.close()
    deadline = time.monotonic() + LATE
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children() - before == set()
    with pytest.raises(TestbedError):
        hello(address)
    with contextlib.suppress(ProxyproofError):
        made.close()
    assert children() - before == set()


def children() -> set[int]:
    """Return the living processes below this one, and those that name this test's folder."""
    below, found = {os.getpid()}, set[int]()
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    while below:
        below = {pid for pid, parent in parents.items() if parent in below}
        found |= below
    return found
