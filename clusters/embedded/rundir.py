"""Where runs keep their state: one folder a run, locked by its first process while it lives.

A folder whose lock is free belongs to a run that was killed; there is nothing left of it but the
folder, and the next run removes that.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

GONE_WITHIN = 10.0
POLL = 0.02


def base() -> Path:
    """Return the folder of all runs of this user."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "proxyproof" / "runs"


def new() -> Path:
    """Make the folder of a new run, and remove those of killed ones."""
    clean()
    directory = base() / f"{time.strftime('%H%M%S')}-{secrets.token_hex(2)}"
    directory.mkdir(parents=True, mode=0o700)
    return directory


def alive(directory: Path) -> bool:
    """Tell whether the run's first process lives."""
    try:
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def running() -> list[Path]:
    """Return the folders of living runs, oldest first."""
    if not base().is_dir():
        return []
    return sorted(
        (path for path in base().iterdir() if alive(path)),
        key=lambda path: (path / "lock").stat().st_ctime,
    )


def clean() -> list[Path]:
    """Remove what killed runs left, and return it; a folder just being made is spared."""
    removed: list[Path] = []
    if not base().is_dir():
        return removed
    for path in base().iterdir():
        young = time.time() - path.stat().st_mtime < 30 and not (path / "lock").exists()
        if not alive(path) and not young:
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def wait_gone(directory: Path) -> None:
    """Wait until a run's first process has ended and remove the rest of its folder."""
    deadline = time.monotonic() + GONE_WITHIN
    while alive(directory) and time.monotonic() < deadline:
        time.sleep(POLL)
    shutil.rmtree(directory, ignore_errors=True)


def write_pid(directory: Path, pid: int) -> None:
    """Write down the pid of the run's first process, as the machine sees it."""
    (directory / "pid").write_text(str(pid))


def read_pid(directory: Path) -> int:
    """Return the pid of the run's first process."""
    return int((directory / "pid").read_text())


def write_state(directory: Path, state: dict[str, Any]) -> None:
    """Replace the run's state in one step."""
    temporary = directory / "state.json.new"
    temporary.write_text(json.dumps(state, indent=1))
    temporary.replace(directory / "state.json")
