"""Two branches at once: how they end together."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError, TestbedError
from clusters.parts.prepare import Want, _side_by_side, prepare
from clusters.parts.progress import Recorder

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from clusters.parts.workshop import Workshop

INTERRUPTED = """
from pathlib import Path
from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.prepare import _side_by_side
from clusters.parts.workshop import Workshop
import sys, threading
commands = Commands()
shop = Workshop(Cache(Path({root!r}), commands.stopping), commands)
def say(line):
    # print() writes a line and its end one after the other, and there are two threads.
    sys.stdout.write(line + "\\n")
    sys.stdout.flush()
def branch():
    commands.run(["sh", "-c", "echo up $$; sleep 60"], on_line=say)
try:
    _side_by_side(shop, branch, branch)
except KeyboardInterrupt:
    print("interrupted", threading.active_count(), flush=True)
"""


def test_both_results_come_back(workshop: Workshop) -> None:
    """The branches run at the same time and each result stays in its place."""
    meet = threading.Barrier(2)

    def branch(value: int) -> int:
        meet.wait(5)
        return value

    assert _side_by_side(workshop, lambda: branch(1), lambda: branch(2)) == (1, 2)


def test_a_failure_stops_the_other_branch_and_is_the_error(workshop: Workshop) -> None:
    """The cause is raised, not the stop it led to, and no thread is left."""

    def fail() -> None:
        raise TestbedError("the cause")

    before = time.monotonic()
    threads = threading.active_count()
    with pytest.raises(TestbedError, match="the cause"):
        _side_by_side(workshop, lambda: workshop.commands.run(["sleep", "60"]), fail)
    assert time.monotonic() - before < 10
    assert threading.active_count() == threads


def test_ctrl_c_ends_the_children_and_joins_the_threads(
    tmp_path: Path, spawn: Callable[[str], subprocess.Popen[str]]
) -> None:
    """A real SIGINT to a real process; the commands it started are gone afterwards."""
    process = spawn(INTERRUPTED.format(root=str(tmp_path)))
    assert process.stdout is not None
    children = [int(process.stdout.readline().split()[1]) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=15)[0]
    assert output.splitlines()[-1] == "interrupted 1"
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_a_wrong_path_is_told_before_anything_is_made(workshop: Workshop, tmp_path: Path) -> None:
    """No step is opened for a build that cannot be judged."""
    progress = Recorder()
    with pytest.raises(ConfigError, match="no such file"):
        prepare(Want(build=str(tmp_path / "kube-proxy")), progress, workshop)
    assert progress.steps == []
