"""The locustfile, run by locust as a person would, against a real agent on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.load.generator import Plan
from fixtures.load.places import LOCUSTFILE
from fixtures.load.samples import Samples
from suites.load import figures

if TYPE_CHECKING:
    from tests.unit.load.conftest import Ports

ROOT = Path(__file__).parents[3]


def locust(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), *arguments]
    return subprocess.Popen(
        command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_by_its_own_command_line(ports: Ports, tmp_path: Path) -> None:
    """With --host alone it makes its attempts at the rate, and writes what it saw."""
    file = tmp_path / "samples.json"
    run = locust(
        *("--headless", "--users", "5", "--spawn-rate", "50", "--only-summary"),
        *("--host", f"tcp://127.0.0.1:{ports.tcp}", "--steps", "100x2", "--samples", str(file)),
    )
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    total = Samples.load(file).total("target")
    assert 190 <= total.sent <= 210
    assert total.backends == {"pod-a": total.sent}
    assert total.times["response"].quantile(50) >= total.times["service"].quantile(50) > 0


def test_a_wrong_target_is_said(tmp_path: Path) -> None:
    """What is no target ends locust with a line that says so."""
    file = tmp_path / "samples.json"
    run = locust("--headless", "--host", "ftp://127.0.0.1:1", "--samples", str(file))
    said, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "'ftp://127.0.0.1:1' is no target" in said


def test_arms_take_turns_and_failures_are_told(ports: Ports, tmp_path: Path) -> None:
    """A target without anybody fails by name beside one that answers, in the same rounds."""
    file = tmp_path / "samples.json"
    arms = {"good": f"http://127.0.0.1:{ports.http}", "bad": "tcp://127.0.0.1:1"}
    plan = Plan(arms, steps="100x3", users=10)
    run = locust(*plan.arguments(), "--samples", str(file))
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    samples = Samples.load(file)
    assert samples.total("bad").failed == {"refused": samples.total("bad").sent}
    assert not samples.total("good").failed
    assert len(dict(samples.rounds("good"))) == 8
    assert json.loads(file.with_suffix(".begun").read_text())["base_ns"] > 0
    assert figures.kept_up(samples).figures["generator load"] > 0


def wait_for_its_begin(file: Path) -> None:
    """Wait for the first moment of the load that writes a file."""
    until = time.monotonic() + 60
    while not file.with_suffix(".begun").exists():
        assert time.monotonic() < until, "the load did not begin"
        time.sleep(0.05)


def distributed(tcp: int, file: Path, port: str, *more: str) -> list[subprocess.Popen[str]]:
    """Start a master and two workers for 100 attempts a second for 3 seconds."""
    plan = Plan({"target": f"tcp://127.0.0.1:{tcp}"}, steps="100x3", users=10)
    master = locust(
        *(*plan.arguments(), *more),
        *("--samples", str(file), "--master", "--expect-workers", "2"),
        *("--master-bind-host", "127.0.0.1", "--master-bind-port", port),
    )
    worker = ("--worker", "--headless", "--master-host", "127.0.0.1", "--master-port", port)
    return [master, *(locust(*worker) for _ in range(2))]


def finished(processes: list[subprocess.Popen[str]]) -> tuple[int, str]:
    """Wait for all of them; return the master's status and what it said."""
    said, _ = processes[0].communicate(timeout=90)
    for worker in processes[1:]:
        worker.communicate(timeout=30)
    return processes[0].returncode, said


def test_master_and_workers_add_up(ports: Ports, tmp_path: Path) -> None:
    """Two workers make the planned attempts together, and the master has all of them."""
    file = tmp_path / "samples.json"
    status, said = finished(distributed(ports.tcp, file, "15557"))
    assert status == 0, said
    samples = Samples.load(file)
    total = samples.total("target")
    assert 285 <= total.sent <= 315
    assert total.backends == {"pod-a": total.sent}
    assert len(samples.generators) == 3


def test_a_worker_that_is_late_is_waited_for(ports: Ports, tmp_path: Path) -> None:
    """What a starved worker did in its last moments counts, though the others are done."""
    file = tmp_path / "samples.json"
    processes = distributed(ports.tcp, file, "15558")
    wait_for_its_begin(file)
    time.sleep(2.5)
    processes[1].send_signal(signal.SIGSTOP)
    time.sleep(3)
    processes[1].send_signal(signal.SIGCONT)
    status, said = finished(processes)
    assert status == 0, said
    assert 285 <= Samples.load(file).total("target").sent <= 315


def test_a_lost_worker_fails_the_run(ports: Ports, tmp_path: Path) -> None:
    """Samples that are not complete are not taken for complete ones."""
    file = tmp_path / "samples.json"
    processes = distributed(ports.tcp, file, "15559", "--worker-patience", "1")
    wait_for_its_begin(file)
    processes[1].kill()
    status, said = finished(processes)
    assert status == 1
    assert "no samples of" in said
