"""A process that stands still, all of its threads."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a child process; returns when none of its threads runs any more.

    kill(2) returns before: a thread that is on another processor goes on until it takes notice.
    """
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
