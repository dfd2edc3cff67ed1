"""An end from outside: it ends the suites, too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.noted import noted_pid
from tests.suites import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SUITES = "import os, pathlib, time; pathlib.Path('%s').write_text(str(os.getpid())); time.sleep(60)"
STEADY = """
import sys
from tests import suites
from tests.steady.__main__ import main
suites.PYTEST = (sys.executable, "-c", sys.argv.pop(1))
main()
"""


def test_suites_end_with_what_runs_them(tmp_path: Path) -> None:
    """A SIGTERM leaves no suites behind that would go on with their cluster."""
    noted = tmp_path / "pid"
    options = ["--mode", "ipvs", "--artifacts", str(tmp_path / "artifacts")]
    with subprocess.Popen(
        [sys.executable, "-c", STEADY, SUITES % noted, *options], cwd=ROOT
    ) as steady:
        suites = noted_pid(noted)
        steady.terminate()
        assert steady.wait(30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(suites, 0)
