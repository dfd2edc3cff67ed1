"""The content-addressed store."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.cache import Cache, default_root
from clusters.parts.progress import Recorder
from clusters.parts.stop import StoppedError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from clusters.parts.progress import Step

BUILDER = """
import sys, time
from pathlib import Path
from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.progress import PlainProgress

def make(work, step):
    (work / "out").mkdir(exist_ok=True)
    with (work / "begun").open("a") as file:
        file.write("x")
    print("begun", flush=True)
    {body}
    (work / "out" / "thing").write_text((work / "begun").read_text())

progress = PlainProgress(sys.stdout, every=0)
entry = Cache(Path({root!r})).get_or_make("thing", {{"v": "1"}}, make, progress)
print("entry", entry, flush=True)
"""


def builder(root: Path, body: str) -> str:
    return BUILDER.format(root=str(root), body=textwrap.indent(body, "    ").lstrip())


def fill(work: Path, _step: Step) -> None:
    (work / "out").mkdir()
    (work / "out" / "thing").write_text("made")


def test_an_entry_is_made_once_and_found_again(tmp_path: Path) -> None:
    """The second request returns the same directory and does not call the maker."""
    cache, progress = Cache(tmp_path), Recorder()
    first = cache.get_or_make("thing", {"v": "1"}, fill, progress)
    second = cache.get_or_make("thing", {"v": "1"}, fill, progress)
    assert first == second
    assert (first / "thing").read_text() == "made"
    assert [name for name, _ in progress.records] == ["thing"]
    assert not list((tmp_path / "work").iterdir())


def test_other_inputs_are_another_entry(tmp_path: Path) -> None:
    """A changed input never finds what was made from the old one."""
    cache = Cache(tmp_path)
    one = cache.get_or_make("thing", {"v": "1"}, fill, Recorder())
    assert cache.lookup("thing", {"v": "2"}) is None
    assert cache.get_or_make("thing", {"v": "2"}, fill, Recorder()) != one


def read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    while text not in (line := process.stdout.readline()):
        assert line, f"ended without saying {text!r}"


def test_two_processes_at_once_make_it_once(
    tmp_path: Path, spawn: Callable[[str], subprocess.Popen[str]]
) -> None:
    """The second process waits, says so, and takes what the first one made."""
    go = tmp_path / "go"
    code = builder(tmp_path, f"while not Path({str(go)!r}).exists(): time.sleep(0.01)")
    first = spawn(code)
    read_until(first, "begun")
    second = spawn(code)
    read_until(second, "waiting for another run")
    go.touch()
    outputs = [process.communicate(timeout=20)[0] for process in (first, second)]
    assert "begun" not in outputs[1]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    [entry] = (tmp_path / "entries").iterdir()
    assert (entry / "thing").read_text() == "x"


def test_a_killed_builder_is_resumed(
    tmp_path: Path, spawn: Callable[[str], subprocess.Popen[str]]
) -> None:
    """After kill -9 nothing is published, no lock is left, and the work directory is reused."""
    victim = spawn(builder(tmp_path, "time.sleep(60)"))
    read_until(victim, "begun")
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    assert not list((tmp_path / "entries").iterdir())

    resumed = spawn(builder(tmp_path, "pass"))
    output = resumed.communicate(timeout=20)[0]
    entry = Path(output.splitlines()[-1].split()[1])
    assert (entry / "thing").read_text() == "xx"
    assert "waiting" not in output


def test_a_child_that_outlives_the_killed_builder_keeps_the_lock(
    tmp_path: Path, spawn: Callable[[str], subprocess.Popen[str]]
) -> None:
    """A compiler orphaned by kill -9 still holds the entry until it ends."""
    go, up = tmp_path / "go", tmp_path / "up"
    script = f"touch {up}; while [ ! -e {go} ]; do sleep 0.05; done"
    victim = spawn(builder(tmp_path, f"Commands().run(['sh', '-c', {script!r}])"))
    while not up.exists():
        assert victim.poll() is None
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    heir = spawn(builder(tmp_path, "pass"))
    read_until(heir, "waiting for another run")
    go.touch()
    assert "begun" in heir.communicate(timeout=20)[0]


def test_a_failed_maker_publishes_nothing_and_keeps_its_work(tmp_path: Path) -> None:
    """An exception leaves no entry; the next attempt finds the files."""
    cache = Cache(tmp_path)

    def fail(work: Path, _step: Step) -> None:
        (work / "half").touch()
        raise TestbedError("no")

    with pytest.raises(TestbedError, match="no"):
        cache.get_or_make("thing", {"v": "1"}, fail, Recorder())
    assert cache.lookup("thing", {"v": "1"}) is None
    assert list((tmp_path / "work").glob("thing-*/half"))


def test_too_little_space_is_said_before_the_work(tmp_path: Path) -> None:
    """The message is one line with the path, what is needed and what is free."""
    need = shutil.disk_usage(tmp_path).free * 2
    with pytest.raises(TestbedError) as caught:
        Cache(tmp_path).get_or_make("thing", {}, fill, Recorder(), need_bytes=need)
    assert str(tmp_path) in str(caught.value)
    assert f"needs {need / 1e9:.1f} GB" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_disk_that_fills_up_is_one_line(tmp_path: Path) -> None:
    """ENOSPC in the middle becomes a TestbedError that names the cache."""

    def write(_work: Path, _step: Step) -> None:
        with open("/dev/full", "w", buffering=1) as file:  # noqa: PTH123
            file.write("x\n")

    with pytest.raises(TestbedError, match="no space left in"):
        Cache(tmp_path).get_or_make("thing", {}, write, Recorder())


def test_other_io_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    """Only ENOSPC and EDQUOT are about space."""

    def write(work: Path, _step: Step) -> None:
        (work / "absent" / "file").write_text("x")

    with pytest.raises(OSError) as caught:  # noqa: PT011
        Cache(tmp_path).get_or_make("thing", {}, write, Recorder())
    assert caught.value.errno == errno.ENOENT


def test_waiting_for_another_run_can_be_stopped(tmp_path: Path) -> None:
    """A set stop switch ends the wait for a lock instead of waiting for its holder."""
    holder, waiter = Cache(tmp_path), Cache(tmp_path)

    def make(_work: Path, _step: Step) -> None:
        waiter.stop.set()
        with pytest.raises(StoppedError):
            waiter.get_or_make("thing", {}, fill, Recorder())
        raise StoppedError("done")

    with pytest.raises(StoppedError, match="done"):
        holder.get_or_make("thing", {}, make, Recorder())


def test_sweep_takes_the_old_and_leaves_the_held(tmp_path: Path) -> None:
    """Only work nobody holds and that is older than the limit goes."""
    cache = Cache(tmp_path)
    for name in ("old-1", "young-1"):
        (tmp_path / "work" / name).mkdir()
    past = time.time() - 1000
    os.utime(tmp_path / "work" / "old-1", (past, past))
    removed: list[str] = []

    def make(work: Path, step: Step) -> None:
        os.utime(work, (past, past))
        removed.extend(cache.sweep(older_than=500))
        fill(work, step)

    cache.get_or_make("held", {}, make, Recorder())
    assert removed == ["old-1"]
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["young-1"]


def test_an_unusable_directory_is_one_line(tmp_path: Path) -> None:
    """A cache below a file cannot be, and the message names it."""
    (tmp_path / "file").touch()
    with pytest.raises(TestbedError, match=r"cannot use the cache .*file/sub"):
        Cache(tmp_path / "file" / "sub")


def test_the_default_place_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME decides when absolute; a relative one is ignored."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert default_root() == Path("/some/where/proxyproof")
    monkeypatch.setenv("XDG_CACHE_HOME", "where")
    assert default_root() == Path.home() / ".cache/proxyproof"
