"""Long commands that report line by line and can be stopped, with everything they started."""

from __future__ import annotations

import collections
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts.cache import HELD_LOCKS
from clusters.parts.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TELLING = re.compile(
    r"\berror\b|\bfatal\b|cannot|no space left|unable|no such|^E: |^\*\*\*", re.IGNORECASE
)
_NO_ROOM = "no space left on device"
_GRACE_SECONDS = 5.0


class CommandError(TestbedError):
    """A command ended with a status other than 0; `output` holds its last lines."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        self.output = output
        self.status = status
        shown = shlex.join(argv[:4]) + (" ..." if len(argv) > 4 else "")
        how = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
        super().__init__(f"`{shown}` {how}: {telling_line(output)}")


def telling_line(output: str) -> str:
    """Return the one line of a command's output that most likely says what went wrong."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    full = [line for line in lines if _NO_ROOM in line.lower()]
    telling = full or [line for line in lines if _TELLING.search(line)]
    return (telling[0] if telling else lines[-1] if lines else "it said nothing")[:400]


def own_tmp(work: Path) -> dict[str, str]:
    """Make an empty `work / "tmp"` and return the environment that sends temporary files there.

    Compilers that are killed cannot remove theirs; here the next attempt does.
    """
    tmp = work / "tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    tmp.mkdir(parents=True)
    return {"TMPDIR": str(tmp), "GOTMPDIR": str(tmp)}


class Commands:
    """Runs commands, each in a process group of its own so that Ctrl-C reaches only the caller.

    `stop()` ends all of them and makes their callers raise StoppedError.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self.stopping = stop or Stop()
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        log: Path | None = None,
    ) -> str:
        """Return the last 200 lines of standard output and error together.

        `env` is added to the environment; `log` receives every line. Raises CommandError,
        TestbedError when the program is missing, StoppedError.
        """
        tail: collections.deque[str] = collections.deque(maxlen=200)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(log.open("a")) if log else None
            process = stack.enter_context(self._started(argv, cwd, env, subprocess.STDOUT))
            for line in process.stdout or ():
                tail.append(line)
                if file:
                    file.write(line)
                if on_line:
                    on_line(line.rstrip("\n"))
            self._end(argv, process, lambda: "".join(tail))
        return "".join(tail)

    def output(
        self, argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> str:
        """Return standard output alone; raises as `run` does, with what came on standard error."""
        with (
            tempfile.TemporaryFile("w+") as errors,
            self._started(argv, cwd, env, errors.fileno()) as process,
        ):
            text = process.stdout.read() if process.stdout else ""

            def complaint() -> str:
                errors.seek(0)
                return errors.read() + text

            self._end(argv, process, complaint)
        return text

    @contextlib.contextmanager
    def _started(
        self, argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, stderr: int
    ) -> collections.abc.Iterator[subprocess.Popen[str]]:
        self.stopping.check()
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                errors="replace",
                process_group=0,
                pass_fds=HELD_LOCKS.get(),
            )
        except FileNotFoundError:
            raise TestbedError(f"`{argv[0]}` is not installed") from None
        with self._lock:
            self._running.add(process)
        try:
            # The switch may have been set between the check above and the registration.
            self.stopping.check()
            yield process
        except BaseException:
            _signal_group(process, signal.SIGKILL)
            raise
        finally:
            process.wait()
            if process.stdout:
                process.stdout.close()
            with self._lock:
                self._running.discard(process)

    def _end(
        self,
        argv: Sequence[str],
        process: subprocess.Popen[str],
        complaint: Callable[[], str],
    ) -> None:
        status = process.wait()
        self.stopping.check()
        if status:
            raise CommandError(argv, status, complaint())

    def stop(self) -> None:
        """End every running command: SIGTERM to its group, SIGKILL after 5 s."""
        self.stopping.set()
        with self._lock:
            running = list(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
                continue
            _signal_group(process, signal.SIGKILL)


def _signal_group(process: subprocess.Popen[str], number: int) -> None:
    # Only while the leader has not been reaped is its group id certainly still ours.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
