"""Whether a process is at work, from looks at its threads."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LOOKS, LOOK = 5, 0.02
"""How often is looked before a process counts as at rest, and seconds from look to look: together
longer than kube-proxy waits between two syncs."""


class Watch:
    """Looks that all who ask share, since one look costs a crowded node milliseconds."""

    def __init__(self, look: Callable[[], bool]) -> None:
        """`look` tells whether the process is at work at this moment."""
        self._look = look
        self._lock = threading.Lock()
        self._looks = 0
        self._looked_at = -math.inf
        self._worked_at = -math.inf

    def busy(self) -> bool:
        """Tell whether it is at work at one of the next LOOKS looks; raises what `look` does."""
        with self._lock:
            asked, before = time.monotonic(), self._looks
        while True:
            with self._lock:
                self._look_if_due()
                if self._worked_at >= asked:
                    return True
                if self._looks - before >= LOOKS:
                    return False
            time.sleep(LOOK)

    def _look_if_due(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK:
            return
        self._looks, self._looked_at = self._looks + 1, now
        if self._look():
            self._worked_at = now


def at_work(pid: int) -> bool:
    """Tell whether a thread of the process can run or waits for a disk, or has a child.

    A thread that waits for its turn on a crowded node can run too, which no count of ticks would
    tell. Raises OSError for a process that has ended.
    """
    folder = f"/proc/{pid}/task"
    for task in os.listdir(folder):  # noqa: PTH208 - this runs all the time, and Path is slower
        state = _read(f"{folder}/{task}/stat").rpartition(b")")[2].split(None, 1)[:1]
        if state in ([b"R"], [b"D"]) or _read(f"{folder}/{task}/children"):
            return True
    return False


def _read(path: str) -> bytes:
    """Return what a file of a thread that may have ended says, nothing when it has.

    In three system calls, which are dear in a user-mode kernel; `open` makes seven.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 4096)
    except OSError:
        return b""
    finally:
        os.close(file)
