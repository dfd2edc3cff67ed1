"""What a process of a test wrote down of itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LATE = 30.0


def noted_pid(path: Path) -> int:
    """Wait for a file with the process id of whoever wrote it, and return that.

    Raises AssertionError when there is none after `LATE` seconds.
    """
    deadline = time.monotonic() + LATE
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"nobody wrote {path.name}"
        time.sleep(0.02)
    return int(path.read_text())
