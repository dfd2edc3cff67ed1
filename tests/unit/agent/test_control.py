"""The control line and its client under everything that goes wrong."""

from __future__ import annotations

import ast
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import TestbedError
from fixtures.agent import agent as agent_module
from fixtures.agent.client import Agent, AgentLost, AgentRefused, Plan
from tests.unit.agent.conftest import SOURCE
from tests.unit.agent.standing import stop

if TYPE_CHECKING:
    from tests.unit.agent.conftest import Launch

LOOPBACK = "127.0.0.1"


def raw(agent: Agent, *lines: bytes) -> list[Any]:
    """Send lines as they are and return the answers."""
    with socket.create_connection((agent.host, agent.port), timeout=5) as sock:
        answers = sock.makefile("rb")
        seen = []
        for line in lines:
            sock.sendall(line)
            seen.append(json.loads(answers.readline()))
        return seen


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"[]\n",
        b"{}\n",
        b'{"op": "no such"}\n',
        b'{"op": "probe"}\n',
        b"\xff\xfe\n",
        b'{"op": "probe", "plan": {"host": "::1", "port": 1, "count": 1, "colour": 1}}\n',
        b'{"op": "serve", "ports": [{"port": 1, "protocol": "igmp"}]}\n',
        b'{"op": "pause", "port": 1}\n',
        b'{"op": "fetch", "id": "x"}\n',
    ],
)
def test_a_bad_request_is_answered_and_survived(client: Agent, line: bytes) -> None:
    """Nonsense is told what is wrong, and the same connection goes on."""
    complaint, hello = raw(client, line, b'{"op": "hello"}\n')
    assert complaint["ok"] is False
    assert complaint["error"]
    assert hello["ok"] is True


def test_an_endless_request_is_cut_off(client: Agent) -> None:
    """A line beyond the limit is refused instead of filling the memory."""
    (answer,) = raw(client, b"x" * (agent_module.LINE_LIMIT + 1))
    assert answer["ok"] is False
    assert client.hello()["pod"] == "client"


def test_a_probe_is_abandoned_with_its_client(client: Agent, server: Agent, tcp: int) -> None:
    """When the control connection goes, the probe it asked for stops, and the agent lives."""
    plan = {"host": LOOPBACK, "port": tcp, "rate": 50, "duration": 60}
    with socket.create_connection((client.host, client.port)) as sock:
        sock.sendall(json.dumps({"op": "probe", "plan": plan}).encode() + b"\n")
        while next(s.count for s in server.served() if s.port == tcp) < 2:
            pass
    before, after = -1, -2
    while before != after:
        before = next(s.count for s in server.served() if s.port == tcp)
        time.sleep(0.1)
        after = next(s.count for s in server.served() if s.port == tcp)
    assert after < 50 * 60
    assert client.hello()["pod"] == "client"


def test_a_server_survives_its_clients(client: Agent, server: Agent, tcp: int) -> None:
    """Nonsense, half requests and vanishing clients cost a connection and nothing else."""
    for nonsense in (
        b"GET / HTTP/1.1\r\n",
        b"sum x\n",
        b"sum -1\n",
        b"x" * 5000,
        b"ping",
        b"sum 9\nx",
    ):
        with socket.create_connection((LOOPBACK, tcp)) as sock:
            sock.recv(4096)
            sock.sendall(nonsense)
    assert client.probe(Plan(host=LOOPBACK, port=tcp, count=2)).ok
    assert server.request("served")["faults"] == 0


def test_running_out_of_descriptors_is_survived(client: Agent, tcp: int, launch: Launch) -> None:
    """Attempts without a descriptor are errors that say so; a full server sheds and recovers."""
    with launch("--serve", "tcp:0", pod="small") as (small, process):
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (40, 40))
        port = small.served()[0].port
        with small.hold(Plan(host=LOOPBACK, port=tcp, count=60)) as held:
            assert held.opened.outcomes()["error"] > 20
            assert "Too many open files" in (held.opened.where(outcome="error").error[0] or "")
        with client.hold(Plan(host=LOOPBACK, port=port, count=60, timeout=0.5)) as held:
            assert 10 < held.opened.outcomes()["ok"] < 40
            assert held.opened.outcomes()["reset"] > 20
        time.sleep(0.05)
        assert client.probe(Plan(host=LOOPBACK, port=port, count=2)).ok


def test_a_frozen_agent_is_lost_not_waited_for(launch: Launch, tcp: int) -> None:
    """Silence beyond what the plan needs is the testbed's fault and names pod and purpose."""
    with launch(pod="frosty", timeout=0.3) as (agent, process):
        agent.hello()
        stop(process)
        with pytest.raises(AgentLost, match=r"pod frosty .* probe \(tcp 127.0.0.1 port .* n=2\)"):
            agent.probe(Plan(host=LOOPBACK, port=tcp, count=2, timeout=0.1))
        with pytest.raises(AgentLost, match="hello"):
            agent.hello()
        process.send_signal(signal.SIGCONT)
        assert agent.hello()["pod"] == "frosty"
    assert issubclass(AgentLost, TestbedError)


def test_a_dead_agent_is_lost_at_once(launch: Launch) -> None:
    """Nobody at the control port is told without waiting."""
    with launch(pod="gone") as (agent, process):
        agent.hello()
        process.kill()
        process.wait()
        with pytest.raises(AgentLost, match="cannot reach pod gone"):
            agent.served()


def test_a_kept_connection_that_went_is_replaced(launch: Launch) -> None:
    """An agent that was started again on its port is found again without an error."""
    with launch(pod="first") as (agent, process):
        assert agent.hello()["pod"] == "first"
        process.kill()
        process.wait()
        command = [sys.executable, str(SOURCE), "--control", f"{agent.host}:{agent.port}"]
        with subprocess.Popen([*command, "--pod", "second"], stdout=subprocess.PIPE) as second:
            assert second.stdout is not None
            second.stdout.readline()
            try:
                assert agent.hello()["pod"] == "second"
            finally:
                second.kill()


class Breaker(threading.Thread):
    """A control port that takes every request and hangs up without an answer."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server((LOOPBACK, 0))
        self.ops: list[str] = []

    def run(self) -> None:
        """Hang up on everybody until the listener is shut down."""
        while True:
            try:
                sock, _peer = self.listener.accept()
            except OSError:
                return
            with sock, sock.makefile("rb") as lines:
                self.ops.append(json.loads(lines.readline())["op"])


def test_only_harmless_operations_are_repeated() -> None:
    """What may have run is not run again: a probe is asked once, a question twice."""
    breaker = Breaker()
    breaker.start()
    with breaker.listener, Agent(LOOPBACK, breaker.listener.getsockname()[1]) as agent:
        with pytest.raises(AgentLost, match="closed the control connection"):
            agent.probe(Plan(host=LOOPBACK, port=1, count=1))
        with pytest.raises(AgentLost):
            agent.served()
        breaker.listener.shutdown(socket.SHUT_RDWR)
    assert breaker.ops == ["probe", "served", "served"]


def test_threads_share_a_client(client: Agent, tcp: int) -> None:
    """Each thread gets its own answers, and a long probe does not hold up a short question."""
    results: dict[int, int] = {}

    def work(n: int) -> None:
        results[n] = len(client.probe(Plan(host=LOOPBACK, port=tcp, rate=100, count=n)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20, 28)]
    for thread in threads:
        thread.start()
    client.hello()
    assert any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    assert results == {n: n for n in range(20, 28)}


def test_clocks_are_compared(client: Agent) -> None:
    """On one kernel both clocks agree to within the error that is claimed."""
    clock = client.time()
    assert abs(clock.monotonic_offset_ns) <= clock.error_ns
    assert clock.error_ns < 1_000_000_000


def test_it_imports_nothing_but_the_standard_library() -> None:
    """One file that runs in any image with a Python: every import is of the standard library."""
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 9))
    names = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


FORKED = """
import json, os, socket, sys, threading
sys.path.insert(0, sys.argv[1])
import agent
assert threading.active_count() == 1
assert not [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")
            and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")]
loaded = set(sys.modules)
control = socket.create_server(("127.0.0.1", 0))
print(control.getsockname()[1], flush=True)
child = os.fork()
if child == 0:
    # What is not loaded yet cannot be: an import after the fork would fail.
    sys.path[:] = []; sys.meta_path[:] = []
    agent.run(control, ("forked", "node-9"), ["tcp:0", "udp:0"])
control.close()
os.waitpid(child, 0)
"""


def test_it_runs_in_a_fork_without_importing_anything() -> None:
    """A process forked from one that loaded it needs no import: every kind of work still works."""
    command = [sys.executable, "-I", "-S", "-c", FORKED, str(SOURCE.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as zygote:
        assert zygote.stdout is not None
        with Agent(LOOPBACK, int(zygote.stdout.readline())) as agent:
            assert agent.hello()["pod"] == "forked"
            for port in agent.served():
                for reuse in (False, True):
                    plan = Plan(
                        host="::1",
                        port=port.port,
                        protocol=port.protocol,
                        reuse=reuse,
                        count=2,
                        payload=5,
                    )
                    assert agent.probe(plan).ok
                with agent.hold(
                    Plan(
                        host=LOOPBACK,
                        port=port.port,
                        protocol=port.protocol,
                        count=2,
                        concurrency=2,
                    )
                ) as held:
                    assert held.check().ok
            with pytest.raises(AgentRefused):
                agent.unserve(1)
            agent.drain(0)
        assert zygote.wait(5) == 0


def test_it_ends_with_its_parent() -> None:
    """An agent told so does not outlive the process that started it."""
    start = (
        "import subprocess, sys; "
        "subprocess.Popen([sys.executable, *sys.argv[1:]]); sys.stdin.read()"
    )
    options = [str(SOURCE), "--control", f"{LOOPBACK}:0", "--die-with-parent"]
    command = [sys.executable, "-c", start, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        agent = Agent(LOOPBACK, json.loads(parent.stdout.readline())["control"])
        agent.hello()
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 5
        with agent, suppress(AgentLost):
            while time.monotonic() < deadline:
                agent.hello()
        assert time.monotonic() < deadline
