"""The processes and servers that a fake cluster is made of."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import ConfigError, TestbedError
from clusters.protocol import AgentAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Node

AGENT = Path(__file__).resolve().parents[1] / "fixtures" / "agent" / "agent.py"


class Process:
    """A probe agent as a process of its own."""

    def __init__(self, host: str, identity: tuple[str, str], arguments: Sequence[str] = ()) -> None:
        pod, node = identity
        argv = [sys.executable, "-I", "-S", "-B", str(AGENT), "--control", f"{host}:0"]
        self.process = subprocess.Popen(
            [*argv, "--pod", pod, "--node", node, "--die-with-parent", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if self.process.stdout is None:
            raise TestbedError(f"agent {pod} has no output")
        said = self.process.stdout.readline()
        try:
            self.address = AgentAddress(host, json.loads(said)["control"])
        except ValueError:
            rest = said + self.process.stdout.read()
            self.end()
            raise TestbedError(f"agent {pod}: {rest.strip().splitlines()[-1:]}") from None

    def end(self) -> None:
        """Kill the agent and wait for its end."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Program:
    """A process that the harness has started for an outside client."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self.process.poll()

    def end(self) -> None:
        """Kill it and its session, and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Proxy:
    """What can be asked of a kube-proxy over HTTP, and nothing of what it does."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Healthz)
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def end(self) -> None:
        """Stop answering."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Healthz(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer /healthz as kube-proxy does, and nothing else."""
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(b"{}" if self.path == "/healthz" else b"404 page not found\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        """Nobody reads this log."""


class NoFaults:
    """What a provider says that can do nothing to its nodes."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _refuse(self, *_: object) -> None:
        raise ConfigError(f"{self.name} has no nodes that something could be done to")

    freeze = thaw = power_off = power_on = unplug = plug = _refuse
    stall_store = resume_store = signal_proxy = _refuse
    route_pods = use_iptables = _refuse

    def is_on(self, node: Node) -> bool:
        """Nobody switches a node off."""
        del node
        return True
