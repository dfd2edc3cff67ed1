"""Journals: written line by line, read back whole, cut or broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.journal import Journal, JournalError, load_run, read
from reports.model import Outcome, Step, Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.model import CaseInfo, CaseResult, Run, RunInfo

ROOT = Path(__file__).parents[3]


def test_run_survives_its_journal(
    run: Run, keep: Callable[[Run, Path], Path], tmp_path: Path
) -> None:
    """A run rebuilt from its journal equals the run."""
    assert run == load_run(keep(run, tmp_path / "run.jsonl"))


def test_every_line_is_stamped(tmp_path: Path) -> None:
    """Each record is a line of JSON with a wall clock and a monotonic clock that never go back."""
    with Journal(tmp_path / "deep" / "run.jsonl") as journal:
        for number in range(3):
            journal.record("note", number=number)
    records = list(read(journal.path))

    assert [record["number"] for record in records] == [0, 1, 2]
    assert all(record["at"].endswith("+00:00") for record in records)
    clock = [record["mono_ns"] for record in records]
    assert clock == sorted(clock)


def test_anything_can_be_recorded(tmp_path: Path) -> None:
    """Newlines, NaN, undecodable text and unknown objects all stay within one line of JSON."""
    odd = {"text": "a\nb\u2028", "raw": "\udcff", "nan": float("nan"), "set": {1}}
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.record("note", **odd, thing=threading.Lock())
    (line,) = journal.path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    record = json.loads(line, parse_constant=pytest.fail)

    assert [record[name] for name in odd] == ["a\nb\u2028", "\\udcff", None, [1]]
    assert "lock" in record["thing"]


@pytest.mark.parametrize("lost", [1, 2, 10, 100])
def test_cut_journal(
    run: Run, keep: Callable[[Run, Path], Path], tmp_path: Path, lost: int
) -> None:
    """A journal whose last line is cut gives every result before it, as an interrupted run."""
    path = keep(run, tmp_path / "run.jsonl")
    os.truncate(path, path.stat().st_size - lost)
    again = load_run(path)

    # Without only the last newline the end record is still whole.
    assert again.interrupted is (lost > 1)
    assert run.results == again.results


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_journal_cut_anywhere(
    run: Run, keep: Callable[[Run, Path], Path], tmp_path: Path, share: float
) -> None:
    """Wherever a kill cut the journal, what stands before is read and nothing is made up."""
    path = keep(run, tmp_path / "run.jsonl")
    os.truncate(path, int(path.stat().st_size * share))
    again = load_run(path)
    finished = [result for result in again.results if "the run ended" not in result.sentence]

    assert again.interrupted
    assert finished == run.results[: len(finished)]
    assert len(again.results) - len(finished) <= 1
    assert not again.harness_errors


def test_case_in_flight_is_inconclusive(
    make_info: Callable[..., RunInfo], make_case: Callable[..., CaseInfo], tmp_path: Path
) -> None:
    """The case that ran when the run was killed is listed, with what it had seen so far."""
    case, key = make_case(), "SVC-001[ipvs]"
    wait = Wait(name="programmed", seconds=0.2, ok=True, attempts=3)
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.run(make_info())
        journal.case_start(case, {"mode": "ipvs"})
        journal.wait(key, wait)
        journal.attempts(key, "clients", {"outcome": ["ok", "refused"], "seq": [1, 2]})
        journal.attempts(key, "clients", {"outcome": ["ok"], "seq": [3]})
        journal.observe(key, "backends", {"web-0": 2})
    (result,) = load_run(journal.path).results

    assert (result.case, result.key, result.outcome) == (case, key, Outcome.INCONCLUSIVE)
    assert result.sentence == "the run ended while this case was running"
    assert (result.waits, result.attempts) == ([wait], 3)
    assert result.observations == {"backends": {"web-0": 2}}


def test_killed_writer(tmp_path: Path) -> None:
    """Every record made before a kill -9 of its process is on disk."""
    path = tmp_path / "run.jsonl"
    code = (
        "import os, pathlib, sys; from reports.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "for number in range(50): journal.record('note', number=number)\n"
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    ended = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert list(range(50)) == [record["number"] for record in read(path)]


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    """Records of several threads never share a line."""
    with Journal(tmp_path / "run.jsonl") as journal:

        def write(name: int) -> None:
            for number in range(100):
                journal.record("note", name=name, number=number, padding="x" * 5000)

        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    seen = [(record["name"], record["number"]) for record in read(journal.path)]

    assert len(seen) == 400
    assert all([n for m, n in seen if m == name] == list(range(100)) for name in range(4))


def test_append_after_a_cut_line(tmp_path: Path) -> None:
    """A journal opened again after a kill loses the cut line only."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"kind":"note","number":1}\n{"kind":"no')
    with Journal(path) as journal:
        journal.record("note", number=2)

    assert [record["number"] for record in read(path)] == [1, 2]


@pytest.mark.parametrize("ended", [True, False])
def test_last_run_counts(
    make_run: Callable[..., Run],
    make_info: Callable[..., RunInfo],
    make_result: Callable[..., CaseResult],
    keep: Callable[[Run, Path], Path],
    tmp_path: Path,
    *,
    ended: bool,
) -> None:
    """Of a journal that holds several runs, ended or killed, the last one is rebuilt."""
    path = tmp_path / "run.jsonl"
    if ended:
        keep(make_run(make_result(Outcome.FAILED)), path)
    else:
        with Journal(path) as journal:
            journal.run(make_info(id="killed"))
            journal.case(make_result(Outcome.FAILED))
    last = make_run(make_result(), info=make_info(id="last"))

    assert last == load_run(keep(last, path))


def test_run_record_may_be_completed(make_info: Callable[..., RunInfo], tmp_path: Path) -> None:
    """What becomes known later replaces the first run record and keeps the steps before it."""
    step = Step(name="kernel", seconds=3.0)
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.step(step)
        journal.run(make_info(nodes=[]))
        journal.run(make_info())
    run = load_run(journal.path)

    assert ([step], make_info()) == (run.setup_steps, run.info)


def test_setup_that_never_reached_a_run(tmp_path: Path) -> None:
    """A run that died while setting up still has its steps and its time."""
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.step(Step(name="kernel", seconds=3.0))
    run = load_run(journal.path)

    assert (run.info.id, run.interrupted, len(run.setup_steps)) == ("unknown", True, 1)


def test_record_that_makes_no_sense(make_info: Callable[..., RunInfo], tmp_path: Path) -> None:
    """A record that cannot be understood is a problem of the harness, never passed over."""
    with Journal(tmp_path / "run.jsonl") as journal:
        journal.run(make_info())
        journal.record("case", result={"outcome": "fine"})
        journal.record("wait")
    where = [problem.where for problem in load_run(journal.path).harness_errors]

    assert [name.split(" at ")[0] for name in where] == [
        "journal, case record",
        "journal, wait record",
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x7fELF\x00\xff\n", b"[1]\n"])
def test_no_journal(tmp_path: Path, content: bytes) -> None:
    """A file without any record is refused by name."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)

    with pytest.raises(JournalError, match=r"run\.jsonl holds no journal record"):
        load_run(path)


def test_full_disk_is_an_error() -> None:
    """A record that cannot be kept raises, so that no verdict rests on it."""
    with Journal(Path("/dev/full")) as journal, pytest.raises(OSError, match="No space"):
        journal.record("note")
