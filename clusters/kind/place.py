"""Where dockerd and kind run: with this machine's own kernel, or in a user-mode kernel.

Both are a `LabClient` to run commands with, and a little around it; the rest of the provider does
not know which it has.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from clusters.embedded import network, processors, rundir
from clusters.embedded.creation import SYSTEM_PATH
from clusters.embedded.labclient import LabClient
from clusters.errors import TestbedError
from clusters.kind import cgroups, disk

if TYPE_CHECKING:
    from clusters.kind.image import NodeImage
    from clusters.protocol import Ran

LOOPBACK = "127.0.0.1"

GUEST = Path(__file__).resolve().parent / "guest.py"
ADDRESS, GATEWAY, PREFIX = "10.254.0.2", "10.254.0.1", 30
"""Of the link between the kernel and the run's network namespace."""

CONTROL_PORT = 7000
INSIDE, OUTSIDE = "kp-kernel", "kp-host"
DATA = Path("/run/kind")
UP_WITHIN = 60.0
POLL = 0.05
PATIENCE, SLOWER = 120.0, 30.0


class Place(Protocol):
    """Where containers run."""

    kernel: str
    """uml or host."""

    runner: LabClient
    """Runs commands where the containers are."""

    listens: str
    """The address at which the harness reaches what listens there."""

    cgroup_v1: bool

    slowness: float
    """How many times longer than on this machine's kernel everything may take."""

    def open(self) -> None:
        """Make the place ready for dockerd; raises `TestbedError`."""

    def lay_out(self, image: NodeImage, nodes: int) -> tuple[Path, list[Path]]:
        """Return a docker data root and a containerd state for each node, all of them the run's."""

    def again(self) -> Place:
        """Return the place with a connection of its own, for a forked process."""

    def close(self) -> None:
        """Let go of the place; it ends with the run."""


class HostKernel:
    """This machine's own kernel, in the run's namespaces."""

    kernel = "host"
    listens = LOOPBACK
    slowness = 1.0

    def __init__(self, lab: LabClient, directory: Path, mountinfo: str = "") -> None:
        """`mountinfo` is the machine's /proc/self/mountinfo, for `open`."""
        self.runner = lab
        self.directory = directory
        self.mountinfo = mountinfo
        self.cgroup_v1 = cgroups.is_v1()

    def open(self) -> None:
        """Mount the cgroups again, over the run's own /sys."""
        for command in cgroups.mounts(self.mountinfo):
            self.runner.must(command)

    def lay_out(self, image: NodeImage, nodes: int) -> tuple[Path, list[Path]]:
        """Make hard links to the cache, in the run's folder."""
        docker = self.directory / "docker"
        disk.link_tree(image.docker, docker)
        states = [self.directory / f"containerd-{i}" for i in range(1, nodes + 1)]
        for state in states:
            disk.link_tree(image.containerd, state)
        return docker, states

    def again(self) -> HostKernel:
        """Return the place with a connection of its own."""
        return HostKernel(self.runner.again(), self.directory)

    def close(self) -> None:
        """Do nothing: the connection is the run's own."""


class GuestClient(LabClient):
    """A connection to the lab inside of a user-mode kernel.

    A kernel that ended says nothing, unlike a process of this machine: every request has a bound.
    """

    who = "the user-mode kernel"

    def _connect(self) -> socket.socket:
        try:
            connection = socket.create_connection((ADDRESS, CONTROL_PORT), timeout=5)
        except OSError as error:
            raise TestbedError(f"{self.who} does not answer: {error}") from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def again(self) -> GuestClient:
        """Return another connection to the same kernel."""
        return GuestClient(self.directory)

    def run(self, argv: list[str], *, stdin: str = "", timeout: float = 10) -> Ran:
        """Run a command; all nodes share one processor, so it may take longer than elsewhere."""
        return super().run(argv, stdin=stdin, timeout=timeout + SLOWER)

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Make one request; raises `TestbedError` with the lab's reason."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(PATIENCE + (fields.get("timeout") or 0.0))
        return super().ask(op, **fields)


class UserModeKernel:
    """A kernel of the run's own; its root holds the machine's files, read-only."""

    kernel = "uml"
    listens = ADDRESS
    cgroup_v1 = False
    slowness = 3.0
    runner: LabClient

    def __init__(
        self,
        lab: LabClient,
        directory: Path,
        logs: Path,
        *,
        program: Path = Path(),
        image: Path = Path(),
        memory: int = 0,
    ) -> None:
        """`memory` is in GiB; of a kernel that is up neither it nor the files are asked for."""
        self.lab = lab
        self.directory = directory
        self.logs = logs
        self.program = program
        self.disk = image
        self.memory = memory

    def open(self) -> None:
        """Start the kernel and wait until it takes requests."""
        script = (
            f"link add {OUTSIDE} type veth peer name {INSIDE}\n"
            f"addr add {GATEWAY}/{PREFIX} dev {OUTSIDE}\n"
            f"link set {OUTSIDE} up\n"
            f"link set {INSIDE} up\n"
            # Nodes and pods are all in there, and there is nothing else to reach.
            f"route add default via {ADDRESS}\n"
        )
        self.lab.must(["ip", "-batch", "-"], stdin=script)
        for link in (OUTSIDE, INSIDE):
            self.lab.run(["ethtool", "-K", link, *network.no_offloads()])
        memory = self.directory / "memory"
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(memory), "HOME": "/"}
        log = self.logs / "kernel.log"
        command = self._command(self._write_init())
        processor = processors.nth(len(rundir.running()))
        self.lab.spawn("kernel", command, log=log, env=environment, processor=processor)
        self.runner = self._wait_up()

    def _write_init(self) -> Path:
        described = self.directory / "kernel.json"
        config = {
            "address": ADDRESS,
            "prefix": PREFIX,
            "gateway": GATEWAY,
            "port": CONTROL_PORT,
            "path": SYSTEM_PATH,
            "data": str(DATA),
            "writable": [str(self.directory), str(self.logs)],
        }
        described.write_text(json.dumps(config))
        init = self.directory / "init"
        interpreter = os.path.realpath(sys.executable)
        init.write_text(
            f"#!/bin/sh\nPROXYPROOF_KERNEL={described} exec {interpreter} -I -S -B {GUEST}\n"
        )
        init.chmod(0o755)
        return init

    def _command(self, init: Path) -> list[str]:
        return [
            str(self.program),
            "seccomp=on",
            f"mem={self.memory}G",
            "umid=kernel",
            f"uml_dir={self.directory / 'memory'}/",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            f"init={init}",
            "con=null",
            "con0=null,fd:1",
            "quiet",
            "panic=-1",
            f"ubd0t={self.directory / 'disk.cow'},{self.disk}",
            f"vec0:transport=raw,ifname={INSIDE},depth=64,mac=02:00:00:00:00:01",
        ]

    def _wait_up(self) -> LabClient:
        deadline = time.monotonic() + UP_WITHIN
        while True:
            try:
                return GuestClient(self.directory)
            except TestbedError as error:
                ended = self.lab.status("kernel") is not None
                if ended or time.monotonic() > deadline:
                    raise TestbedError(f"{error}; its console: {self._console()}") from error
                time.sleep(POLL)

    def _console(self) -> str:
        text = (self.logs / "kernel.log").read_text(errors="replace")
        return " | ".join(text.splitlines()[-4:]) or "(empty)"

    def lay_out(self, image: NodeImage, nodes: int) -> tuple[Path, list[Path]]:
        """Return what the disk holds already; it is the run's own to write to."""
        del image
        return DATA / "docker", [DATA / f"containerd-{i}" for i in range(1, nodes + 1)]

    def again(self) -> UserModeKernel:
        """Return the place with connections of its own."""
        place = UserModeKernel(self.lab.again(), self.directory, self.logs)
        place.runner = self.runner.again()
        return place

    def close(self) -> None:
        """Cut the kernel's power: all that was in it is gone with it."""
        self.runner.close()
        with contextlib.suppress(TestbedError):
            self.lab.signal("kernel", signal.SIGKILL)
            self.lab.wait("kernel", 5.0)
