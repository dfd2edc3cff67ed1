"""The command lines that messages tell a person to type."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def clusters_command(*words: str) -> str:
    """Return `python -m clusters …` with the Python of this process, which has what it imports."""
    return shlex.join([interpreter(), "-m", "clusters", *words])


def interpreter() -> str:
    """Name the interpreter as briefly as it can be typed from where the person is."""
    here = Path(sys.executable)
    with_dots = os.path.relpath(here)
    return str(here) if with_dots.startswith("..") else with_dots
