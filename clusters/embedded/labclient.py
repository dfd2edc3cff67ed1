"""The harness's side of a run's first process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from clusters.embedded import namespaces, rundir
from clusters.errors import TestbedError
from clusters.protocol import Ran

ROOT = Path(__file__).resolve().parents[2]
END_WITHIN = 5.0


class LabClient:
    """One connection to a lab; requests of several threads take turns."""

    who = "the run's first process"

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._socket = self._connect()
        self._lines = self._socket.makefile("r")

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connect_in(connection, self.directory, "lab.sock")
        except OSError as error:
            reason = f"no cluster runs in {self.directory}: {error.strerror}"
            raise TestbedError(reason) from error
        return connection

    def again(self) -> LabClient:
        """Return another connection to the same lab."""
        return LabClient(self.directory)

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Make one request; raises `TestbedError` with the lab's reason."""
        with self._lock:
            try:
                self._socket.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
                line = self._lines.readline()
            except OSError as error:
                raise TestbedError(f"{self.who} has gone: {error}") from error
        if not line:
            raise TestbedError(f"{self.who} has gone")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise TestbedError(f"{op} {fields.get('name', '')}: {reply['error']}")
        return reply

    def spawn(
        self,
        name: str,
        argv: list[str],
        *,
        log: Path,
        env: dict[str, str] | None = None,
        netns: str = "",
        listen: tuple[str, int] | None = None,
        processor: int | None = None,
    ) -> int:
        """Start a process called `name` and return its pid inside the run.

        With `listen` it inherits a listening TCP socket of the lab's own network namespace, whose
        number replaces "{fd}" in `argv`. With `processor` all of it runs on that one, until it is
        moved as a whole (clusters.embedded.processors).
        """
        where = {"netns": netns, "listen": listen, "processor": processor}
        reply = self.ask("spawn", name=name, argv=argv, log=str(log), env=env, **where)
        return int(reply["pid"])

    def run(self, argv: list[str], *, stdin: str = "", timeout: float = 10) -> Ran:
        """Run a command in the lab's namespaces, whatever its exit status."""
        reply = self.ask("run", argv=argv, stdin=stdin, timeout=timeout)
        return Ran(tuple(argv), reply["status"], reply["stdout"], reply["stderr"])

    def must(self, argv: list[str], *, stdin: str = "", timeout: float = 10) -> str:
        """Run a command that has to succeed and return what it printed."""
        done = self.run(argv, stdin=stdin, timeout=timeout)
        if done.status != 0:
            raise TestbedError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a process and all of its session."""
        self.ask("signal", name=name, signal=number)

    def status(self, name: str) -> int | None:
        """Tell a process's exit status, None while it runs."""
        status: int | None = self.ask("status", name=name)["status"]
        return status

    def wait(self, name: str, timeout: float) -> int | None:
        """Wait at most `timeout` seconds for a process to end."""
        status: int | None = self.ask("wait", name=name, timeout=timeout)["status"]
        return status

    def waited(self, name: str) -> float:
        """Seconds that a process and those below it were ready to run and had no processor."""
        return float(self.ask("waited", name=name)["seconds"])

    def close(self) -> None:
        """Let go; the run ends when its owner does, unless it is kept."""
        self._lines.close()
        self._socket.close()


class LabProcess:
    """A process of the lab's, by its name."""

    def __init__(self, lab: LabClient, name: str) -> None:
        self.lab = lab
        self.name = name

    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self.lab.status(self.name)

    def end(self) -> None:
        """Kill it and its session, and wait for its end."""
        self.lab.signal(self.name, signal.SIGKILL)
        self.lab.wait(self.name, END_WITHIN)


def unused() -> list[Path]:
    """Return the folders of clusters that are up and that no run uses, oldest first."""
    return [directory for directory in rundir.running() if not used(directory)]


def used(directory: Path) -> bool:
    """Tell whether a run uses the cluster; what is on its way up or down counts as used."""
    try:
        client = LabClient(directory)
        try:
            return bool(client.ask("used")["used"])
        finally:
            client.close()
    except TestbedError:
        return True


def connect_in(sock: socket.socket, directory: Path, name: str) -> None:
    """Connect to a socket in `directory`, whose path may be longer than a socket's may be."""
    held = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect(f"/proc/self/fd/{held}/{name}")
    finally:
        os.close(held)


def start(directory: Path) -> int:
    """Start a lab whose state is `directory` and return the pid of its first process."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # Where distributions keep ip, sysctl and ethtool, and a user's PATH often does not look.
        "PATH": f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin",
    }
    complaints = (directory / "lab.log").open("w")
    launcher = subprocess.Popen(
        [sys.executable, "-S", "-m", "clusters.embedded.lab", str(directory)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        # A kept cluster must not hold on to the terminal or pipe of the run that made it.
        stderr=complaints,
        text=True,
        env=environment,
        cwd=ROOT,
    )
    if launcher.stdout is None:
        raise TestbedError("the run's first process has no output")
    with launcher.stdout as output:
        pid, ready = output.readline().strip(), output.readline().strip()
    launcher.wait()
    complaints.close()
    if ready != "ready":
        said = (directory / "lab.log").read_text().strip().splitlines()[-1:]
        # Without a word it was a signal, of the launcher or of the process that it left behind.
        silent = f"status {launcher.returncode}, first process {pid or 'never started'}"
        raise TestbedError(
            f"could not make network, mount and PID namespaces ({''.join(said) or silent}): run as "
            "root, or as a user that may make user namespaces"
        )
    return int(pid)


def join_network(pid: int) -> None:
    """Move the calling thread, and all threads it starts later, into a lab's network namespace."""
    namespaces.enter(f"/proc/{pid}/ns/net", namespaces.NEWNET)
