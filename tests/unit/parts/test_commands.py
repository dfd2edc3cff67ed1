"""Commands that can be stopped."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.commands import CommandError, Commands, telling_line
from clusters.parts.stop import StoppedError

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_arrive_and_are_logged(tmp_path: Path) -> None:
    """Each line of both streams reaches the caller and the log."""
    lines: list[str] = []
    log = tmp_path / "log"
    Commands().run(["sh", "-c", "echo one; echo two >&2"], on_line=lines.append, log=log)
    assert lines == ["one", "two"]
    assert log.read_text() == "one\ntwo\n"


def test_output_is_standard_output_alone() -> None:
    """What goes to standard error does not mix into what is parsed."""
    assert Commands().output(["sh", "-c", "echo data; echo noise >&2"]) == "data\n"


def test_a_failure_names_the_command_and_its_telling_line() -> None:
    """One line: the command, how it ended, and what it complained about."""
    script = "echo building; echo 'x.c:1: error: bad'; echo later; exit 3"
    with pytest.raises(CommandError, match=r"failed with status 3: x\.c:1: error: bad$"):
        Commands().run(["sh", "-c", script])


def test_a_full_disk_is_the_telling_line() -> None:
    """A full disk explains the errors that came before it was mentioned."""
    said = "a.o: error: truncated\nwrite /cache/b.o: no space left on device\nmake: *** error\n"
    assert telling_line(said) == "write /cache/b.o: no space left on device"


def test_a_missing_program_is_named() -> None:
    """Not a traceback: the name of what is not installed."""
    with pytest.raises(TestbedError, match="`no-such-program-here` is not installed"):
        Commands().run(["no-such-program-here"])


def test_stop_ends_the_command_and_its_children(tmp_path: Path) -> None:
    """The whole process group goes, and the waiting caller raises StoppedError."""
    commands, beat = Commands(), tmp_path / "beat"
    script = f"(while :; do date >> {beat}; sleep 0.05; done) & echo up; wait"
    up, raised = threading.Event(), threading.Event()

    def run() -> None:
        try:
            commands.run(["sh", "-c", script], on_line=lambda _line: up.set())
        except StoppedError:
            raised.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert up.wait(5)
    commands.stop()
    thread.join(10)
    assert raised.is_set()
    size = beat.stat().st_size if beat.exists() else 0
    time.sleep(0.3)
    assert (beat.stat().st_size if beat.exists() else 0) == size


def test_nothing_starts_after_stop(tmp_path: Path) -> None:
    """A stopped run does not begin another command."""
    commands = Commands()
    commands.stop()
    with pytest.raises(StoppedError):
        commands.run(["touch", str(tmp_path / "made")])
    assert not (tmp_path / "made").exists()
