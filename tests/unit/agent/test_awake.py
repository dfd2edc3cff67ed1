"""Whether nodes are at work is asked of their agents."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from clusters.protocol import AgentAddress
from fixtures.awake import Awake
from tests.unit.agent.standing import stop

if TYPE_CHECKING:
    from tests.unit.agent.conftest import Launch


def test_only_who_answers_is_awake(launch: Launch) -> None:
    """A stopped agent is not, and is found out soon; of the others that is no matter."""
    with launch(pod="node-1") as (one, process), launch(pod="node-2") as (two, _):
        places = {"node-1": one, "node-2": two}
        awake = Awake.at({name: AgentAddress(a.host, a.port) for name, a in places.items()})
        try:
            stop(process)
            began = time.monotonic()
            assert not awake.all({"node-1", "node-2"})
            assert not awake.all({""})
            assert time.monotonic() - began < 2.0
            # A busy machine may keep an agent from answering at once.
            patience = time.monotonic() + 20.0
            while not awake.all({"node-2"}):
                assert time.monotonic() < patience
            os.kill(process.pid, signal.SIGCONT)
            while not awake.all({""}):
                assert time.monotonic() < patience
        finally:
            awake.close()


def test_nobody_is_not_awake() -> None:
    """Where nobody can be asked, nobody says that he is at work."""
    assert not Awake({}).all({""})
    assert not Awake.at({"node-1": AgentAddress("127.0.0.1", 9)}).all({"node-1"})
