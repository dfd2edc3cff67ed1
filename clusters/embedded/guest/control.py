"""The node's command server: one JSON object a line, over the management interface."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pty
import re
import select
import socket
import subprocess
import termios
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded import namespaces
from clusters.embedded.guest.activity import Watch, at_work

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 7000

LOOPBACKS = ("127.0.0.1", "[::1]")

LINGER = 1.0
"""Seconds for the other side of a terminal to notice its end."""

SYNCS = re.compile(
    r"^kubeproxy_sync_proxy_rules_duration_seconds_count(\{[^}]*\})? (\S+)$", re.MULTILINE
)


class Control:
    """Commands and long-lived processes, started in the node's own namespaces."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.counted: dict[str, float] = {}
        self.counted_at = -math.inf
        self.counted_lock = threading.Lock()
        self.watches: dict[str, Watch] = {}

    def exec(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a command to its end, at most `timeout` seconds."""
        try:
            done = subprocess.run(
                request["argv"],
                input=request.get("stdin", "").encode(),
                capture_output=True,
                timeout=request["timeout"],
                check=False,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            return {"timeout": True}
        except FileNotFoundError:
            return {"status": 127, "stdout": "", "stderr": f"{request['argv'][0]}: not found"}
        except OSError as error:
            return {"status": 126, "stdout": "", "stderr": str(error)}
        return {
            "status": done.returncode,
            "stdout": done.stdout.decode(errors="replace"),
            "stderr": done.stderr.decode(errors="replace"),
        }

    def spawn(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a long-lived process whose output goes to the file `log`."""
        with open(request["log"], "ab") as log:  # noqa: PTH123
            process = subprocess.Popen(
                request["argv"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **request.get("env", {})},
                start_new_session=True,
                cwd="/",
            )
        self.processes[request["name"]] = process
        self.watches[request["name"]] = Watch(
            lambda: process.poll() is None and at_work(process.pid)
        )
        return {"pid": process.pid}

    def signal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Signal a process; with `wait` seconds also wait for its end."""
        process = self.processes.get(request["name"])
        if process is None:
            return {"status": None, "known": False}
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(request["signal"])
        if request.get("wait"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(request["wait"])
        return {"status": process.poll(), "known": True}

    def status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell a process's exit status, null while it runs or was never started."""
        process = self.processes.get(request["name"])
        return {"status": process.poll() if process else None, "known": process is not None}

    def busy(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell whether a process is at work: one of its threads could run, or has a child."""
        process, watch = self.processes.get(request["name"]), self.watches.get(request["name"])
        if process is None or watch is None or process.poll() is not None:
            return {"busy": False}
        return {"busy": watch.busy()}

    def syncs(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell kube-proxy's sync counters by their labels, as the metrics at `url` have them.

        Everybody who waits for a sync asks, and rendering all metrics costs the node more than
        most of its work, so an answer stands for `age` seconds.
        """
        oldest = time.monotonic() - request["age"]
        with self.counted_lock:
            if self.counted_at < oldest:
                self.counted_at = time.monotonic()
                body = self.http({"url": request["url"], "timeout": 2.0})["body"]
                self.counted = {labels: float(value) for labels, value in SYNCS.findall(body)}
            return {"counters": self.counted}

    def http(self, request: dict[str, Any]) -> dict[str, Any]:
        """GET a URL from the node's own network namespace.

        "localhost" is whichever loopback address is listened at: kube-proxy's metrics are at that
        of its primary family alone (getDefaultAddresses in k/k pkg/proxy/apis/config/v1alpha1).
        """
        url, at = request["url"], "//localhost:"
        hosts = LOOPBACKS if at in url else ("",)
        said: dict[str, Any] = {}
        for host in hosts:
            try:
                where = url.replace(at, f"//{host}:", 1)
                with urllib.request.urlopen(where, timeout=request["timeout"]) as answer:  # noqa: S310
                    return self.answered(answer.status, answer)
            except urllib.error.HTTPError as error:
                return self.answered(error.code, error)
            except OSError as error:
                said = {"status": 0, "body": str(error)}
                if not isinstance(getattr(error, "reason", error), ConnectionRefusedError):
                    break
        return said

    @staticmethod
    def answered(status: int, answer: Any) -> dict[str, Any]:
        """Tell what an HTTP server said, the headers by their names in small letters."""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        body = answer.read().decode(errors="replace")
        return {"status": status, "body": body, "headers": headers}

    def write(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write a file of the node's own."""
        Path(request["path"]).write_text(request["text"])
        return {}

    def hello(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Say who is there."""
        return {"node": self.config["name"], "kernel": os.uname().release}

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return what can be asked, by name."""
        return {
            "exec": self.exec,
            "spawn": self.spawn,
            "signal": self.signal,
            "status": self.status,
            "http": self.http,
            "busy": self.busy,
            "syncs": self.syncs,
            "write": self.write,
            "hello": self.hello,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request; every failure is an answer."""
        try:
            return self.operations()[request["op"]](request)
        except Exception as error:  # noqa: BLE001 - the asker reports it, the server must live
            return {"error": f"{type(error).__name__}: {error}"}

    def talk(self, connection: socket.socket) -> None:
        """Answer one connection until it closes."""
        with connection, contextlib.suppress(OSError):
            for line in connection.makefile("r"):
                request = json.loads(line)
                if request["op"] == "shell":
                    self.shell(connection, request)
                    return
                connection.sendall(json.dumps(self.answer(request)).encode() + b"\n")

    def shell(self, connection: socket.socket, request: dict[str, Any]) -> None:
        """Answer, and join the connection to a command with a terminal, until either side ends.

        `status` tells how it ended, by the request's `name`. What is sent before the answer, which
        may be an error, is lost: it is read with the request.
        """
        argv = request.get("argv") or ["bash", "-i"]
        terminal, far_end = pty.openpty()
        try:
            process = subprocess.Popen(
                argv,
                stdin=far_end,
                stdout=far_end,
                stderr=far_end,
                start_new_session=True,
                # A shell has no job control without a terminal that it belongs to.
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
                cwd="/",
            )
        except OSError as error:
            os.close(terminal)
            answer = {"error": f"{argv[0]}: {error.strerror}"}
            connection.sendall(json.dumps(answer).encode() + b"\n")
            return
        finally:
            os.close(far_end)
        self.processes[request["name"]] = process
        connection.sendall(b"{}\n")
        try:
            # Reading fails when nobody has the far end any more.
            with contextlib.suppress(OSError):
                join(connection, terminal)
        finally:
            process.kill()
            process.wait()
            os.close(terminal)
            hang_up(connection)


def join(connection: socket.socket, terminal: int) -> None:
    """Copy between the connection and a terminal until either side ends."""
    while True:
        ready = select.select([connection.fileno(), terminal], [], [])[0]
        if terminal in ready:
            connection.sendall(os.read(terminal, 65536))
        if connection.fileno() in ready:
            data = connection.recv(65536)
            if not data:
                return
            os.write(terminal, data)


def hang_up(connection: socket.socket) -> None:
    """End a connection whose other side may still send: closed at once it would be reset.

    The last output, which is still under way, would be lost with that.
    """
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(LINGER)
        while connection.recv(65536):
            pass


def listen_in(handle: int, address: str, port: int) -> socket.socket:
    """Listen in the network namespace behind `handle`, whatever namespace the caller is in."""
    keep = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    namespaces.enter(f"/proc/self/fd/{handle}")
    try:
        return socket.create_server((address, port), backlog=64)
    finally:
        namespaces.enter(f"/proc/self/fd/{keep}")
        os.close(keep)


def serve(config: dict[str, Any], management: int) -> None:
    """Answer until the node ends."""
    server = listen_in(management, config["management_address"], PORT)
    control = Control(config)
    while True:
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=control.talk, args=(connection,), daemon=True).start()
