"""Real agents on the loopback interface, as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fixtures.agent import agent as agent_module
from fixtures.agent.client import Agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Running = tuple[Agent, subprocess.Popen[bytes]]
    Launch = Callable[..., AbstractContextManager[Running]]

SOURCE = Path(agent_module.__file__)


@contextmanager
def launched(*options: str, pod: str = "pod-a", timeout: float = 5.0) -> Iterator[Running]:
    """Run an agent without site packages and environment, as a bare image would."""
    command = [sys.executable, "-I", "-S", str(SOURCE), "--control", "127.0.0.1:0"]
    command += ["--pod", pod, "--node", "node-1", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["control"]
        try:
            with Agent("127.0.0.1", port, timeout=timeout) as agent:
                yield agent, process
        finally:
            process.kill()


@pytest.fixture(scope="session")
def launch() -> Launch:
    """Return a context manager that runs an agent and yields its client and its process."""
    return launched


@pytest.fixture(scope="session")
def client() -> Iterator[Agent]:
    """Run an agent that probes."""
    with launched(pod="client") as (agent, _process):
        yield agent


@pytest.fixture(scope="session")
def server() -> Iterator[Agent]:
    """Run an agent that serves what the tests ask it to."""
    with launched(pod="pod-a") as (agent, _process):
        yield agent


@pytest.fixture
def tcp(server: Agent) -> Iterator[int]:
    """Serve a TCP port of its own."""
    port = server.serve(protocol="tcp")
    yield port
    server.unserve(port, "tcp")


@pytest.fixture
def udp(server: Agent) -> Iterator[int]:
    """Serve a UDP port of its own."""
    port = server.serve(protocol="udp")
    yield port
    server.unserve(port, "udp")
