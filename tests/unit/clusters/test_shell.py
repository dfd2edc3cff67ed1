"""`python -m clusters shell`: the order of its words, what it runs, and how that ended."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from clusters.__main__ import main, parser, shell_status
from clusters.embedded.enter import how_to_enter
from clusters.embedded.guest.control import Control

if TYPE_CHECKING:
    from pathlib import Path


def test_options_after_the_node_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """They would be taken for a command of the node's."""
    assert main(["shell", "node-1", "--run", "1234"]) == 4
    assert capsys.readouterr().err == "error: --run belongs before node-1\n"


def test_the_printed_line_names_run_and_node(tmp_path: Path) -> None:
    """What a kept run prints is understood as it is meant."""
    (tmp_path / "pid").write_text(str(os.getpid()))
    told = how_to_enter(tmp_path)
    line = next(line for line in told.splitlines() if line.split()[:1] == ["shell"])
    options = parser().parse_args(line.partition(" -m clusters ")[2].split())
    assert (options.run, options.node, options.command) == (tmp_path.name, "node-1", [])


@pytest.mark.parametrize(
    ("argv", "said", "status"),
    [
        (["sh", "-c", "tty -s && echo a terminal; exit 3"], "a terminal", 3),
        (["sh", "-c", "kill -TERM $$"], "", 143),
        (["true"], "", 0),
    ],
)
def test_command_on_a_terminal_has_a_status(argv: list[str], said: str, status: int) -> None:
    """The node's side gives it a terminal, and tells afterwards how it ended."""
    control = Control({})
    near, far = socket.socketpair()
    with near:
        talking = threading.Thread(target=control.talk, args=(far,))
        talking.start()
        request = {"op": "shell", "name": "one", "argv": argv}
        near.sendall(json.dumps(request).encode() + b"\n")
        assert near.recv(3) == b"{}\n"
        told = b"".join(iter(lambda: near.recv(4096), b"")).decode()
    talking.join()
    assert said in told
    assert shell_status(control.status({"name": "one"})["status"]) == status


def test_command_that_cannot_start_is_an_error() -> None:
    """It is told as all errors are, and nothing is left of it."""
    control = Control({})
    near, far = socket.socketpair()
    with near:
        near.sendall(b'{"op": "shell", "name": "one", "argv": ["no-such-program"]}\n')
        control.talk(far)
        told = json.loads(near.recv(4096))
    assert told == {"error": "no-such-program: No such file or directory"}
    assert not control.status({"name": "one"})["known"]


def test_command_ends_with_its_connection() -> None:
    """Nobody is left behind by a user who goes away."""
    control = Control({})
    near, far = socket.socketpair()
    talking = threading.Thread(target=control.talk, args=(far,))
    talking.start()
    request = {"op": "shell", "name": "one", "argv": ["sh", "-c", "echo up; exec sleep 60"]}
    near.sendall(json.dumps(request).encode() + b"\n")
    assert near.recv(3) == b"{}\n"
    assert near.recv(4096) == b"up\r\n"
    near.close()
    talking.join(10)
    assert control.status({"name": "one"})["status"] == -signal.SIGKILL


@pytest.mark.parametrize("argv", [[], ["nosuch"], ["doctor"], ["down", "a", "b"]])
def test_usage_ends_with_4(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is not understood is the user's to mend, no interruption."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 4
    assert "usage: python -m clusters" in capsys.readouterr().err


def test_every_command_says_what_it_does() -> None:
    """The list of commands has a line for each."""
    listed = parser().format_help()
    for command in ("list", "show", "down", "shell", "prepare", "kind-image", "doctor", "clean"):
        assert re.search(rf"^    {command}\s+[A-Z]", listed, re.MULTILINE), command
