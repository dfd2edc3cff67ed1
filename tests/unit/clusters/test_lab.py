"""A real lab: namespaces of its own, processes by name, and nothing left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.embedded import host_kernel, labclient, namespaces, rundir
from clusters.errors import ConfigError, TestbedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.embedded.labclient import LabClient

needs_root = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run(["unshare", "-nm", "true"], check=False, capture_output=True).returncode != 0,
    reason="needs root that may make namespaces",
)


USER_NAMESPACE = """
import os, threading
from clusters.embedded import namespaces
assert namespaces.single_threaded()
threads = [threading.Thread(target=int) for _ in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
namespaces.become_root()
print(os.geteuid(), open("/proc/self/uid_map").read().split())
"""


def test_becoming_root_right_after_threads() -> None:
    """A user namespace is entered although threads have only just ended."""
    if subprocess.run(["unshare", "-Ur", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this kernel gives this user no user namespace")
    done = subprocess.run(
        [sys.executable, "-c", USER_NAMESPACE],
        check=False,
        capture_output=True,
        text=True,
        cwd=labclient.ROOT,
    )
    assert done.stderr == ""
    assert done.stdout == f"0 ['0', '{os.getuid()}', '1']\n"


def test_this_process_has_a_second_thread() -> None:
    """Another thread is seen from within the process that started it."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert not namespaces.single_threaded()
    finally:
        end.set()
        thread.join()


def test_missing_namespace_is_an_error() -> None:
    """A refused system call raises OSError with its name and reason."""
    with pytest.raises(OSError, match="setns"):
        namespaces.enter("/dev/null")


def test_no_lab_in_a_folder(tmp_path: Path) -> None:
    """Where no lab listens the error names the folder."""
    with pytest.raises(TestbedError, match=str(tmp_path)):
        labclient.LabClient(tmp_path)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of a run in a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return rundir.new()


@pytest.fixture
def lab(directory: Path) -> Iterator[LabClient]:
    """Lend a lab that this process owns."""
    labclient.start(directory)
    client = labclient.LabClient(directory)
    client.ask("own")
    yield client
    client.close()
    rundir.wait_gone(directory)
    assert not directory.exists()


@needs_root
def test_network_is_its_own(lab: LabClient) -> None:
    """A lab has loopback and nothing of the machine's network."""
    assert lab.must(["ls", "/sys/class/net"]).split() == ["lo"]
    assert "UP" in lab.must(["ip", "link", "show", "lo"])


@needs_root
def test_commands_say_how_they_ended(lab: LabClient) -> None:
    """Run returns whatever happened, must raises with what the command complained of."""
    assert lab.run(["cat"], stdin="hello").stdout == "hello"
    assert lab.run(["false"]).status == 1
    with pytest.raises(TestbedError, match=r"ls /no-such: .*/no-such"):
        lab.must(["ls", "/no-such"])
    with pytest.raises(TestbedError, match="no-such-program"):
        lab.run(["no-such-program"])


@needs_root
def test_processes_by_name(lab: LabClient, tmp_path: Path) -> None:
    """A process runs until it is signalled; its output is in its log."""
    log = tmp_path / "log"
    lab.spawn("sleeper", ["sh", "-c", "echo up; exec sleep 60"], log=log)
    assert lab.status("sleeper") is None
    assert lab.wait("sleeper", 0.2) is None
    lab.signal("sleeper", signal.SIGTERM)
    assert lab.wait("sleeper", 5) == -signal.SIGTERM
    assert log.read_text() == "up\n"
    with pytest.raises(TestbedError, match="nobody"):
        lab.status("nobody")


@needs_root
def test_one_owner_at_a_time(lab: LabClient, directory: Path) -> None:
    """A second run is told that the lab is taken."""
    other = labclient.LabClient(directory)
    with pytest.raises(TestbedError, match="in use by another run"):
        other.ask("own")
    other.close()
    assert lab.run(["true"]).status == 0


@needs_root
def test_lab_ends_with_its_owner(directory: Path, tmp_path: Path) -> None:
    """When its owner has gone, however that came, the lab ends and takes its processes along."""
    labclient.start(directory)
    client = labclient.LabClient(directory)
    client.ask("own")
    client.spawn("sleeper", ["sh", "-c", f"exec sleep {60 + os.getpid()}"], log=tmp_path / "log")
    assert rundir.alive(directory)
    client.close()
    deadline = time.monotonic() + 5
    while rundir.alive(directory) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not rundir.alive(directory)
    assert not directory.exists()
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    assert f"sleep {60 + os.getpid()}" not in listed.stdout.splitlines()


@needs_root
def test_kept_lab_outlives_its_owner(directory: Path) -> None:
    """A kept lab stays for the next owner, and ends when told to."""
    labclient.start(directory)
    first = labclient.LabClient(directory)
    first.ask("own")
    first.ask("keep", keep=True)
    first.close()
    time.sleep(1.0)
    assert rundir.alive(directory)
    assert not labclient.used(directory)
    second = labclient.LabClient(directory)
    second.ask("own")
    assert labclient.used(directory)
    second.ask("down")
    second.close()
    rundir.wait_gone(directory)
    assert not rundir.alive(directory)
    assert labclient.used(directory)


@needs_root
def test_what_the_kernel_lacks_is_named() -> None:
    """Each part that a mode needs and the kernel lacks is told, and the check says what to do."""
    lacking = host_kernel.missing("ipvs")
    if not lacking:
        host_kernel.check("ipvs")
        pytest.skip("this machine's kernel has everything IPVS needs")
    with pytest.raises(ConfigError, match="Use --kp-kernel uml") as refused:
        host_kernel.check("ipvs")
    for part in lacking:
        assert part in str(refused.value)


@needs_root
def test_processes_that_share_a_processor_wait(lab: LabClient) -> None:
    """Of two that want one processor each waits about half of the time, children included."""
    spin = "while :; do :; done"
    processor = min(os.sched_getaffinity(0))
    script = f"({spin}) & {spin}"
    lab.spawn("two", ["sh", "-c", script], log=Path("/dev/null"), processor=processor)
    deadline = time.monotonic() + 20
    while lab.waited("two") < 0.3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lab.waited("two") >= 0.3
    lab.signal("two", signal.SIGKILL)
