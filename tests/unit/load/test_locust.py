"""The locustfile, run by locust as a person would, against a real agent on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fixtures.load.generator import LOCUSTFILE, Plan
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


def test_master_and_workers_add_up(ports: Ports, tmp_path: Path) -> None:
    """Two workers make the planned attempts together, and the master has all of them."""
    file = tmp_path / "samples.json"
    plan = Plan({"target": f"tcp://127.0.0.1:{ports.tcp}"}, steps="100x3", users=10)
    where = ("127.0.0.1", "15557")
    master = locust(
        *plan.arguments(),
        *("--samples", str(file), "--master", "--expect-workers", "2"),
        *("--master-bind-host", where[0], "--master-bind-port", where[1]),
    )
    worker = ("--worker", "--headless", "--master-host", where[0], "--master-port", where[1])
    workers = [locust(*worker) for _ in range(2)]
    said, _ = master.communicate(timeout=90)
    for one in workers:
        one.communicate(timeout=30)
    assert master.returncode == 0, said
    samples = Samples.load(file)
    total = samples.total("target")
    assert 285 <= total.sent <= 315
    assert total.backends == {"pod-a": total.sent}
    assert len(samples.generators) == 3
