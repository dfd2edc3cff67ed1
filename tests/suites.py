"""The suites as a process of their own, as tox starts them, and what they say of their cluster."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-p", "fixtures.plugin")

_UP = re.compile(r"The (?:kind )?cluster (\S+) is still up")


def kept_cluster(output: str) -> str:
    """Return the name of the cluster that a run with `--kp-keep` has left up; "" for none."""
    found = _UP.search(output)
    return found.group(1) if found else ""


def down(name: str) -> list[str]:
    """Return the command that removes a kept cluster."""
    return [sys.executable, "-m", "clusters", "down", name]
