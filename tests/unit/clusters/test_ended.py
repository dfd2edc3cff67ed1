"""`python -m clusters` when it is ended from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.noted import noted_pid

ROOT = Path(__file__).resolve().parents[3]

SLOW_GO = """#!/bin/sh
echo $$ > {pid}
exec sleep 60
"""


def test_sigterm_ends_what_was_started(tmp_path: Path) -> None:
    """A CI job that is ended leaves no compiler behind."""
    pid, go = tmp_path / "pid", tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(SLOW_GO.format(pid=pid))
    go.chmod(0o755)
    argv = [sys.executable, "-m", "clusters", "prepare", "--kernel", "host", "--build", "v1.30.0"]
    environment = {
        **os.environ,
        "PATH": f"{go.parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as run:
        started = noted_pid(pid)
        run.send_signal(signal.SIGTERM)
        assert run.wait(10) == 2
    assert not Path(f"/proc/{started}").exists()
