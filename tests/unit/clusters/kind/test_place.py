"""Where dockerd and kind run: how a kernel is started, and what is said to the lab inside of it."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from clusters.embedded.lab import Lab, listen
from clusters.errors import TestbedError
from clusters.kind import guest, place
from clusters.kind.place import GuestClient, UserModeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.embedded.labclient import LabClient


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuestClient]:
    """Lend a connection to a lab that listens as the one in a kernel does."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(place, "ADDRESS", "127.0.0.1")
    monkeypatch.setattr(place, "CONTROL_PORT", server.getsockname()[1])
    threading.Thread(target=listen, args=(Lab(tmp_path), server), daemon=True).start()
    client = GuestClient(tmp_path)
    yield client
    client.close()


def test_a_kernel_takes_the_requests_of_a_lab(inside: GuestClient, tmp_path: Path) -> None:
    """Commands run, processes have names and logs, and another connection sees the same ones."""
    assert inside.must(["cat"], stdin="hello") == "hello"
    log = tmp_path / "log"
    inside.spawn("one", ["sh", "-c", "echo done"], log=log)
    other = inside.again()
    assert other.wait("one", 10) == 0
    other.close()
    assert log.read_text() == "done\n"
    with pytest.raises(TestbedError, match="no-such-program"):
        inside.run(["no-such-program"])


def test_a_kernel_that_ended_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request has a bound: what it takes itself, and some patience."""
    server = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(place, "ADDRESS", "127.0.0.1")
    monkeypatch.setattr(place, "CONTROL_PORT", server.getsockname()[1])
    monkeypatch.setattr(place, "PATIENCE", 0.1)
    monkeypatch.setattr(place, "SLOWER", 0.0)
    client = GuestClient(tmp_path)
    started = time.monotonic()
    with pytest.raises(TestbedError, match="the user-mode kernel has gone"):
        client.run(["true"], timeout=0.2)
    assert 0.3 <= time.monotonic() - started < 5
    client.close()
    server.close()
    with pytest.raises(TestbedError, match="the user-mode kernel does not answer"):
        GuestClient(tmp_path)


class Recorder:
    """A lab that only notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def must(self, argv: list[str], *, stdin: str = "", timeout: float = 10) -> str:
        """Note a command."""
        del timeout
        self.asked.append([*argv, stdin])
        return ""

    def run(self, argv: list[str]) -> None:
        """Note a command."""
        self.asked.append(argv)

    def spawn(
        self, name: str, argv: list[str], *, log: Path, env: dict[str, str], processor: int
    ) -> None:
        """Note a process."""
        del log, processor
        self.asked.append([name, *argv, env["TMPDIR"]])

    def status(self, name: str) -> int:
        """Say that every process has ended."""
        return len(name)


def test_the_kernel_can_write_in_the_runs_folders_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its root is read-only, its disk a run's own copy; one that ends tells its console's end."""
    monkeypatch.setattr(place, "ADDRESS", "127.0.0.1")
    monkeypatch.setattr(place, "CONTROL_PORT", 1)
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "kernel.log").write_text("one\nKernel panic - not syncing\n")
    lab = Recorder()
    kernel = UserModeKernel(
        cast("LabClient", lab),
        tmp_path,
        logs,
        program=Path("/cache/linux"),
        image=Path("/cache/disk.img"),
        memory=4,
    )
    with pytest.raises(TestbedError, match=r"console: one \| Kernel panic - not syncing"):
        kernel.open()
    (started,) = [argv for argv in lab.asked if argv[0] == "kernel"]
    assert {"ro", "mem=4G", f"ubd0t={tmp_path}/disk.cow,/cache/disk.img"} <= set(started)
    assert "rw" not in started
    described = json.loads((tmp_path / "kernel.json").read_text())
    assert described["writable"] == [str(tmp_path), str(logs)]


def test_controllers_are_handed_on(tmp_path: Path) -> None:
    """Every controller that the kernel has is turned on for the containers."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    written: list[str] = []
    control = tmp_path / "cgroup.subtree_control"

    class Noting(type(tmp_path)):  # type: ignore[misc]
        def write_text(self, text: str) -> int:
            written.append(f"{self.name} {text}")
            return len(text)

    guest.hand_on(Noting(tmp_path))
    assert written == [f"{control.name} +{name}" for name in ("cpu", "memory", "pids")]
