"""The suites as a process of their own, as tox starts them, and what they say of their cluster."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reports.journal import load_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.model import Run

ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "fixtures.plugin")

LONGEST = 5400.0
"""Seconds after which a run counts as one that hangs."""

_UP = re.compile(r"The (?:kind )?cluster (\S+) is still up")


def kept_cluster(output: str) -> str:
    """Return the name of the cluster that a run with `--kp-keep` has left up; "" for none."""
    found = _UP.search(output)
    return found.group(1) if found else ""


def down(name: str) -> list[str]:
    """Return the command that removes a kept cluster."""
    return [sys.executable, "-m", "clusters", "down", name]


def judge(mode: str, build: str, artifacts: Path, arguments: Sequence[str]) -> Run:
    """Run the suites once on a build in a mode, and return what came of it.

    They write into a folder of `artifacts` for the mode and build, which the next such run writes
    over, and their output into a log beside it. Raises SystemExit when they did not begin.
    """
    folder = artifacts / f"{mode}-{build}"
    (folder / "run.jsonl").unlink(missing_ok=True)
    name = artifacts / f"{mode}-{build}.log"
    name.parent.mkdir(parents=True, exist_ok=True)
    command = [*PYTEST, "--kp-mode", mode, "--kp-build", build, "--kp-artifacts", str(folder)]
    with (
        name.open("w") as log,
        subprocess.Popen(
            [*command, *arguments], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        ) as running,
    ):
        try:
            running.wait(LONGEST)
        except (SystemExit, subprocess.TimeoutExpired):
            # It takes its cluster down before it ends.
            running.terminate()
            raise
    journal = folder / "run.jsonl"
    if not journal.exists():
        raise SystemExit(f"the suites did not run; see {name}")
    return load_run(journal)


def tree() -> str:
    """Return the commit of the suites, marked when it is not what ran."""
    argv = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
