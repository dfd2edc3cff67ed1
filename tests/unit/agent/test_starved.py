"""An attempt whose time is over while its thread does not run ends all the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fixtures.agent.agent import Fresh, Plan, Slot

if TYPE_CHECKING:
    import socket

    from fixtures.agent.client import Agent


class Late(Slot):
    """A slot whose attempt is found to be over time before it has connected."""

    def arm(self, sock: socket.socket, since: int) -> None:
        """Begin it, and look at it when its time is over."""
        super().arm(sock, since)
        self.check(since + self.timeout_ns)


@pytest.mark.timeout(20)
def test_shutdown_before_the_connection_is_not_waited_for(server: Agent, tcp: int) -> None:
    """A shutdown that comes before connect(2) has no effect on it (inet_shutdown, TCP_CLOSE)."""
    server.pause(tcp, backlog=0)
    plan = Plan({"host": "127.0.0.1", "port": tcp, "count": 1, "timeout": 0.3})
    started = time.monotonic()
    rows = [Fresh(plan, Late(plan.timeout)).attempt(index, None) for index in range(4)]
    took = time.monotonic() - started
    server.resume(tcp)
    assert {row.outcome for row in rows} == {"timeout"}
    assert took < 4 * (plan.timeout + 1.0)
