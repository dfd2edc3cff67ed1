"""`python -m clusters shell`: the order of its words, and the line that a kept run prints."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from clusters.__main__ import main, parser
from clusters.embedded.enter import how_to_enter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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
