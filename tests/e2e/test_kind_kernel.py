"""A kind cluster in a user-mode kernel: it comes up again and again, and goes without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusters.parts.cache import default_root
from tests.suites import PYTEST, ROOT

pytestmark = pytest.mark.skipif(
    os.environ.get("PROXYPROOF_KIND") != "1",
    reason="PROXYPROOF_KIND=1 is not set: a node image is built first, for some 15 minutes",
)

GONE_WITHIN = 10.0
UP_WITHIN = 400.0
OPTIONS = ("--kp-cluster", "kind", "--kp-kernel", "uml", "--kp-mode", "ipvs")


@pytest.mark.timeout(900, func_only=True)
def test_kill_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 in the middle of a run no process, disk or cgroup of it is left."""
    cache = tmp_path / "cache/proxyproof"
    cache.mkdir(parents=True)
    for part in ("entries", "memo"):
        # The parts are the user's; where runs keep their state is this test's own.
        (cache / part).symlink_to(default_root() / part)
    log = (tmp_path / "output").open("w")
    run = subprocess.Popen(
        [*PYTEST, *OPTIONS, "--kp-artifacts", str(tmp_path / "artifacts"), "--kp-cases", "SVC-*"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache.parent)},
        stdout=log,
        stderr=log,
    )
    journal = tmp_path / "artifacts/run.jsonl"
    deadline = time.monotonic() + UP_WITHIN
    while '"kind":"attempts"' not in (journal.read_text() if journal.exists() else ""):
        assert run.poll() is None, (tmp_path / "output").read_text()
        assert time.monotonic() < deadline, "no case has begun"
        time.sleep(1)
    (directory,) = (cache / "runs").iterdir()
    assert processes_of(directory)
    run.send_signal(signal.SIGKILL)
    run.wait()
    deadline = time.monotonic() + GONE_WITHIN
    while processes_of(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(directory) == []
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not directory.exists(), sorted(path.name for path in directory.iterdir())
    assert not list(Path("/sys/fs/cgroup").glob(f"**/*{directory.name}*"))


def processes_of(directory: Path) -> list[str]:
    """Return the command lines that name the run's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in words:
            found.append(words)
    return found


@pytest.mark.timeout(3600, func_only=True)
def test_it_comes_up_every_time(tmp_path: Path) -> None:
    """As many creations in a row as PROXYPROOF_CREATIONS says, each judged by a case."""
    for number in range(int(os.environ.get("PROXYPROOF_CREATIONS", "2"))):
        artifacts = tmp_path / str(number)
        done = subprocess.run(
            [*PYTEST, *OPTIONS, "--kp-artifacts", str(artifacts), "--kp-cases", "SVC-001"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"creation {number}: {done.stdout}{done.stderr}"
        sys.stdout.write(f"{number}: {done.stdout.splitlines()[-1]}\n")
