"""What generates load in a pod: files in and out, processes, clocks; the pod is a folder here."""

from __future__ import annotations

import base64
import tarfile
import time
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import TestbedError
from clusters.existing import load_pods, pod_server
from clusters.existing.load_pods import LoadPod
from clusters.existing.pod_server import PodServer

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.existing.load_pods import PodProcess

LOCUST = """
import pathlib, sys, time
print("asked for", *sys.argv[1:], flush=True)
pathlib.Path("samples.json").write_text(pathlib.Path("own/file.txt").read_text() * 3)
time.sleep(float(sys.argv[1]))
sys.exit(int(sys.argv[2]))
"""


class Direct:
    """The way to a command server without an API server between."""

    def __init__(self) -> None:
        self.server = PodServer({"name": "here"})

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask the server itself."""
        reply = self.server.answer({"op": op, **fields})
        if "error" in reply:
            raise TestbedError(reply["error"])
        return reply


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadPod:
    """A folder with a module called locust and a file of ours."""
    folder = tmp_path / "pod"
    monkeypatch.setattr(load_pods, "FOLDER", str(folder))
    monkeypatch.setattr(load_pods, "PACKAGES", f"{folder}/packages")
    monkeypatch.setattr(load_pods, "CHUNK", 100)
    monkeypatch.setattr(pod_server, "CHUNK", 7)
    (tmp_path / "locust.py").write_text(LOCUST)
    with tarfile.open(tmp_path / "locust.tgz", "w:gz") as tar:
        tar.add(tmp_path / "locust.py", "locust.py")
    monkeypatch.setattr(load_pods, "get_locust", lambda *_: tmp_path / "locust.tgz")
    monkeypatch.setattr(load_pods, "open_workshop", lambda: None)
    (tmp_path / "file.txt").write_text("what was seen\n")
    made = LoadPod("load-1", "127.0.0.1", Direct())  # type: ignore[arg-type]
    made.equip({"own/file.txt": tmp_path / "file.txt"})
    return made


def ended(process: PodProcess) -> int | None:
    """Wait for its end."""
    deadline = time.monotonic() + 20
    while process.status() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process.status()


def test_locust_runs_among_the_files(pod: LoadPod, tmp_path: Path) -> None:
    """It finds its modules and our files, and what it wrote and said comes here."""
    process = pod.start("LOAD-001-1", ["0", "3", "two words"], log=tmp_path / "log")
    assert ended(process) == 3
    assert (tmp_path / "log").read_text() == "asked for 0 3 two words\n"
    assert pod.fetch("samples.json", tmp_path / "samples.json")
    assert (tmp_path / "samples.json").read_text() == "what was seen\n" * 3


def test_a_file_that_is_not_there_yet_is_not_fetched(pod: LoadPod, tmp_path: Path) -> None:
    """Nothing is made of it here."""
    assert not pod.fetch("samples.begun", tmp_path / "samples.begun")
    assert not (tmp_path / "samples.begun").exists()


def test_an_end_is_forced(pod: LoadPod, tmp_path: Path) -> None:
    """What still runs is killed, and its log is kept."""
    process = pod.start("LOAD-001-1", ["60", "0"], log=tmp_path / "log")
    assert process.status() is None
    process.end()
    assert process.status() not in (None, 0)
    assert (tmp_path / "log").exists()


def test_a_server_that_was_begun_anew_is_told(pod: LoadPod, tmp_path: Path) -> None:
    """A process that the server does not know is neither running nor ended."""
    process = pod.start("LOAD-001-1", ["0", "0"], log=tmp_path / "log")
    pod.access = Direct()  # type: ignore[assignment]
    with pytest.raises(TestbedError, match="knows no process LOAD-001-1"):
        process.status()


def test_clocks_are_compared(pod: LoadPod, monkeypatch: pytest.MonkeyPatch) -> None:
    """One machine's clock is not ahead of itself by more than an answer takes."""
    assert abs(pod.ahead()) < 1e9
    shifted = 5_000_000_000
    real = time.monotonic_ns
    monkeypatch.setattr(PodServer, "clock", lambda *_: {"ns": real() + shifted})
    assert abs(pod.ahead() - shifted) < 1e9


def test_the_servers_python_is_told() -> None:
    """What decides which wheels fit is asked of the pod's own Python."""
    told = PodServer({"name": "here"}).answer({"op": "interpreter"})
    assert set(told) == {"version", "machine", "libc"}
    assert told["libc"] in {"glibc", "musl"}


def test_a_wrong_request_is_an_answer(tmp_path: Path) -> None:
    """A server outlives what it cannot do."""
    reply = PodServer({"name": "here"}).answer(
        {"op": "unpack", "path": str(tmp_path / "none"), "folder": str(tmp_path)}
    )
    assert "No such file" in reply["error"]
    data = base64.b64encode(b"kept").decode()
    PodServer({"name": "here"}).answer(
        {"op": "put", "path": str(tmp_path / "deep/file"), "data": data}
    )
    assert (tmp_path / "deep/file").read_bytes() == b"kept"
