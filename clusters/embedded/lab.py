"""The first process of a run's own namespaces.

It is pid 1 of a PID namespace, so that its end, however it comes, ends every process of the run,
and with the last of them the network namespace, its bridges and the mounts. It starts what it is
asked to start over a Unix socket, and ends by itself when the process that owns the run has gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from clusters.embedded import namespaces, processors

FIRST_OWNER_WITHIN = 10.0


class Lab:
    """Processes by name, and the requests that start, signal and ask after them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.processors: dict[str, int] = {}
        self.lock = threading.Lock()
        self.kept = False
        self.owner: socket.socket | None = None
        self.over = threading.Event()

    def spawn(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a process in a session of its own; its output goes to the file `log`."""
        argv = list(request["argv"])
        processor = request.get("processor")
        if processor is not None:
            argv = ["taskset", "-c", str(processor), *argv]
        if netns := request.get("netns"):
            argv = ["nsenter", f"--net=/run/netns/{netns}", *argv]
        handles: list[int] = []
        listening = None
        if address := request.get("listen"):
            listening = socket.create_server((address[0], address[1]), backlog=64)
            handles.append(listening.fileno())
            argv = [arg.replace("{fd}", str(listening.fileno())) for arg in argv]
        with open(request["log"], "ab") as log:  # noqa: PTH123
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=request.get("env"),
                start_new_session=True,
                pass_fds=handles,
            )
        if listening is not None:
            listening.close()
        with self.lock:
            self.processes[request["name"]] = process
            if processor is not None:
                if not self.processors:
                    threading.Thread(target=self.spread, daemon=True).start()
                self.processors[request["name"]] = processor
        return {"pid": process.pid}

    def signal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a signal to a process and all of its session."""
        process = self.processes[request["name"]]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, request["signal"])
        return {}

    def status(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell the exit status of a process, null while it runs."""
        return {"status": self.processes[request["name"]].poll()}

    def wait(self, request: dict[str, Any]) -> dict[str, Any]:
        """Wait at most `timeout` seconds for a process to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.processes[request["name"]].wait(request["timeout"])
        return self.status(request)

    def waited(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell for how long a process and all below it were ready to run and did not, in s."""
        return {"seconds": processors.waited_below(self.processes[request["name"]].pid)}

    def placed(self) -> dict[str, tuple[int, int]]:
        """Return the pid and the processor of each process that was given one and runs."""
        with self.lock:
            return {
                name: (self.processes[name].pid, processor)
                for name, processor in self.processors.items()
                if self.processes[name].returncode is None
            }

    def spread(self) -> None:
        """Keep those that were given a processor from sharing one while another idles."""
        looking = processors.Processors(self.placed)
        while not self.over.wait(processors.PERIOD):
            found = looking.look()
            if found is not None:
                name, processor = found
                processors.move(self.processes[name].pid, processor)
                with self.lock:
                    self.processors[name] = processor

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a short command to its end."""
        done = subprocess.run(
            request["argv"],
            input=request.get("stdin", ""),
            capture_output=True,
            text=True,
            timeout=request.get("timeout", 10),
            check=False,
        )
        return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}

    def keep(self, request: dict[str, Any]) -> dict[str, Any]:
        """Outlive the owner, or no longer."""
        self.kept = bool(request["keep"])
        return {}

    def own(self, connection: socket.socket) -> dict[str, Any]:
        """Tie the run's life to this connection; refused while another one has it."""
        with self.lock:
            if self.owner is not None:
                return {"error": "in use by another run"}
            self.owner = connection
            self.kept = False
        return {}

    def used(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Tell whether a run owns this one."""
        return {"used": self.owner is not None}

    def down(self, _request: dict[str, Any]) -> dict[str, Any]:
        """End the run."""
        self.over.set()
        return {}

    def answer(self, connection: socket.socket, line: str) -> dict[str, Any]:
        """Carry out one request; every failure is an answer."""
        try:
            request = json.loads(line)
            if request["op"] == "own":
                return self.own(connection)
            handler = {
                "spawn": self.spawn,
                "signal": self.signal,
                "status": self.status,
                "wait": self.wait,
                "waited": self.waited,
                "run": self.run,
                "keep": self.keep,
                "used": self.used,
                "down": self.down,
            }[request["op"]]
            return handler(request)
        except Exception as error:  # noqa: BLE001 - the asker reports it, this process must live
            return {"error": f"{type(error).__name__}: {error}"}

    def serve(self, connection: socket.socket) -> None:
        """Answer one connection until it closes."""
        with connection, contextlib.suppress(OSError):
            for line in connection.makefile("r"):
                reply = self.answer(connection, line)
                connection.sendall(json.dumps(reply).encode() + b"\n")
        with self.lock:
            if self.owner is not connection:
                return
            self.owner = None
        if not self.kept:
            self.over.set()


def listen(lab: Lab, server: socket.socket) -> None:
    """Serve each connection in a thread of its own."""
    while True:
        connection, _ = server.accept()
        threading.Thread(target=lab.serve, args=(connection,), daemon=True).start()


def prepare_mounts(directory: Path) -> None:
    """Give the run its own /proc, /run and scratch space in memory, seen by nobody else."""
    namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount("proc", "/proc", "proc")
    memory = directory / "memory"
    memory.mkdir(exist_ok=True)
    namespaces.mount("tmpfs", str(memory), "tmpfs", data="mode=0755")
    namespaces.mount("tmpfs", "/run", "tmpfs", data="mode=0755")
    Path("/run/netns").mkdir()
    namespaces.mount("sysfs", "/sys", "sysfs")


def serve(directory: Path) -> None:
    """Answer requests until the owner has gone, then remove the run's folder."""
    lab = Lab(directory)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Relative, since the whole path may be longer than the 107 bytes that a socket's may have.
    os.chdir(directory)
    server.bind("lab.sock")
    server.listen(64)
    threading.Thread(target=listen, args=(lab, server), daemon=True).start()
    print("ready", flush=True)  # noqa: T201 - the launcher waits for this line
    first = time.monotonic() + FIRST_OWNER_WITHIN
    while not lab.over.wait(0.5):
        if lab.owner is None and not lab.kept and time.monotonic() > first:
            break
    namespaces.unmount(str(directory / "memory"))
    shutil.rmtree(directory, ignore_errors=True)


def main(directory: Path) -> None:
    """Be pid 1: hold the run's lock, collect orphans, and end with the server.

    The server is a process of its own so that collecting orphans can never take the exit status
    of a process that somebody waits for.
    """
    # Locked before it has its name: a free lock is what a killed run leaves, and is cleaned up.
    lock = os.open(directory / "lock.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (directory / "lock.new").rename(directory / "lock")
    for unwanted in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Handled, not ignored: what is ignored stays so in every process started from here.
        signal.signal(unwanted, lambda *_: None)
    prepare_mounts(directory)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server = os.fork()
    if server == 0:
        serve(directory)
        os._exit(0)
    while os.wait()[0] != server:
        pass


def launch(directory: Path) -> None:
    """Make the namespaces, leave pid 1 of them behind, and tell its pid on standard output."""
    namespaces.unshare(namespaces.NEWNET | namespaces.NEWNS | namespaces.NEWPID | namespaces.NEWUTS)
    child = os.fork()
    if child:
        print(child, flush=True)  # noqa: T201 - read by the process that asked for a run
        os._exit(0)
    try:
        os.setsid()
        main(directory)
    except BaseException as error:  # noqa: BLE001 - it ends here, and lab.log says of what
        print(repr(error), file=sys.stderr, flush=True)  # noqa: T201
    finally:
        os._exit(0)


if __name__ == "__main__":
    launch(Path(sys.argv[1]))
