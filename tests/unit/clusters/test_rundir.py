"""Folders of runs: a lock held by a living process decides what is kept and what removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from clusters.embedded import rundir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Hold = Callable[[Path], subprocess.Popen[str]]

HOLDER = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Lend processes that hold a run's lock until they are killed."""
    held: list[subprocess.Popen[str]] = []

    def start(directory: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", HOLDER, str(directory / "lock")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        held.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in held:
        process.kill()
        process.communicate()


def age(directory: Path, seconds: float = 60) -> None:
    """Make a folder look older."""
    then = time.time() - seconds
    os.utime(directory, (then, then))


def test_base_follows_the_cache(tmp_path: Path) -> None:
    """Runs live below XDG_CACHE_HOME."""
    assert rundir.base() == tmp_path / "proxyproof" / "runs"


def test_new_folders_differ_and_are_private() -> None:
    """Each run has a folder of its own that nobody else may read."""
    one, other = rundir.new(), rundir.new()
    assert one != other
    assert one.stat().st_mode & 0o777 == 0o700


def test_alive_while_the_lock_is_held(hold: Hold) -> None:
    """A run lives as long as its process holds the lock, and not a moment longer."""
    directory = rundir.new()
    assert not rundir.alive(directory)
    process = hold(directory)
    assert rundir.alive(directory)
    assert rundir.running() == [directory]
    process.kill()
    process.wait()
    assert not rundir.alive(directory)
    assert rundir.running() == []


def test_asking_does_not_take_the_lock(hold: Hold) -> None:
    """A run can be started in a folder that somebody has just asked after."""
    directory = rundir.new()
    (directory / "lock").touch()
    assert not rundir.alive(directory)
    hold(directory)
    assert rundir.alive(directory)


def test_running_is_oldest_first(hold: Hold) -> None:
    """The last of the living runs is the newest."""
    first, second = rundir.new(), rundir.new()
    hold(first)
    hold(second)
    assert rundir.running() == [first, second]


def test_clean_spares_the_living_and_the_young(hold: Hold) -> None:
    """Only what a killed run left is removed, not a living run nor one just being made."""
    living, killed, young = rundir.new(), rundir.new(), rundir.new()
    hold(living)
    process = hold(killed)
    process.kill()
    process.wait()
    age(living)
    assert rundir.clean() == [killed]
    assert sorted(rundir.base().iterdir()) == sorted([living, young])


def test_clean_removes_what_never_came_up() -> None:
    """A folder without a lock goes once it is too old to be just being made."""
    directory = rundir.new()
    age(directory)
    assert rundir.clean() == [directory]
    assert not directory.exists()


def test_new_cleans(hold: Hold) -> None:
    """The next run removes what a killed one left behind."""
    killed = rundir.new()
    process = hold(killed)
    process.kill()
    process.wait()
    rundir.new()
    assert not killed.exists()


def test_wait_gone_waits_for_the_process(hold: Hold) -> None:
    """The folder goes when its process has ended."""
    directory = rundir.new()
    process = hold(directory)
    process.kill()
    rundir.wait_gone(directory)
    assert not directory.exists()


def test_without_any_run() -> None:
    """Where no run ever was there is nothing to list or clean."""
    assert rundir.running() == []
    assert rundir.clean() == []
    assert not rundir.alive(rundir.base() / "no-such-run")


def test_state_and_pid_are_read_back() -> None:
    """What a later process needs is there in one piece, with nothing half-written beside it."""
    directory = rundir.new()
    rundir.write_pid(directory, 4711)
    rundir.write_state(directory, {"nodes": []})
    rundir.write_state(directory, {"nodes": [1]})
    assert rundir.read_pid(directory) == 4711
    assert (directory / "state.json").read_text() == '{\n "nodes": [\n  1\n ]\n}'
    assert sorted(path.name for path in directory.iterdir()) == ["pid", "state.json"]
