"""The history of runs: what is kept, two writers at once, and which change is named."""

from __future__ import annotations

import json
from datetime import timedelta
from multiprocessing import Process
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports import history, trend
from reports.__main__ import main
from reports.html import page
from reports.model import BuildInfo, Figure, Machine, Outcome, Run
from reports.steps import steps
from tests.unit.reports.conftest import STARTED, case_of, info_of, result_of, run_of

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = "a" * 64, "b" * 64


def run_with(
    number: int,
    figures: dict[str, Figure],
    *,
    build: str = OLD,
    model: str = "a processor",
    outcome: Outcome = Outcome.PASSED,
) -> Run:
    """Build run `number` with figures of LOAD-010."""
    info = info_of(
        id=f"run{number}",
        started=STARTED + timedelta(days=number),
        build=BuildInfo(
            source="v1.37", version="v1.37.2" if build == OLD else "v1.37.3", sha256=build
        ),
        machine=Machine(processors=2, model=model),
    )
    result = result_of(outcome, case_of("LOAD-010", profile="load"), figures=figures)
    return run_of(result, info=info)


def write(path: Path, runs: int, changed: int, factor: float = 1.3) -> None:
    """Write a history of noisy and exact figures, from run `changed` on of another build."""
    random = np.random.default_rng(5)
    for number in range(runs):
        new = number >= changed
        noise = random.normal(1.0, 0.03, 2)
        figures = {
            "cpu": Figure(value=4 * noise[0] * (factor if new else 1), unit="s"),
            "ratio": Figure(value=1.2 * noise[1], low=1.1, high=1.3, unit="times"),
            "lines": Figure(value=61 + 60 * new, unit="count"),
        }
        made = run_with(number, figures, build=NEW if new else OLD)
        history.append(path, made)


def test_what_a_run_measured_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history.jsonl"
    figure = Figure(value=1.5, low=1.2, high=1.9, unit="times")
    assert history.append(path, run_with(1, {"ratio": figure}))
    (entry,) = history.read(path)
    assert entry.figures == {"LOAD-010 ratio": figure}
    assert (entry.run, entry.mode, entry.build.source) == ("run1", "ipvs", "v1.37")
    assert entry.machine.model == "a processor"
    assert entry.kernels == ["7.2.1"]


def test_what_was_not_decided_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    unsure = run_with(1, {"ratio": Figure(value=9)}, outcome=Outcome.INCONCLUSIVE)
    assert not history.append(path, unsure)
    assert not path.exists()


def test_what_failed_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert history.append(path, run_with(1, {"ratio": Figure(value=9)}, outcome=Outcome.FAILED))


def test_a_line_that_was_cut_short_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, run_with(1, {"ratio": Figure(value=1)}))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    history.append(path, run_with(2, {"ratio": Figure(value=2)}))
    assert [entry.run for entry in history.read(path)] == ["run1", "run2"]


def test_a_file_of_something_else_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello\n")
    with pytest.raises(history.HistoryError, match=r"notes\.txt"):
        history.read(path)
    assert main(["trend", str(path)]) == 4
    assert main(["trend", str(tmp_path / "missing")]) == 4


def _append_many(path: Path, first: int) -> None:
    figures = {f"figure {n}": Figure(value=n / 3, unit="s") for n in range(400)}
    for number in range(first, first + 25):
        history.append(path, run_with(number, figures))


def test_runs_that_append_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    writers = [Process(target=_append_many, args=(path, 100 * n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(history.read(path)) == 100
    assert all(len(json.loads(line)["figures"]) == 400 for line in path.open())


def test_a_change_is_named_with_its_run_and_build(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write(path, 40, changed=32)
    found = {one.key.figure: one for one in trend.series_of(history.read(path))}
    (step,) = found["LOAD-010 cpu"].steps
    assert step.at == 32
    said = found["LOAD-010 cpu"].tell(step)
    assert "run run32" in said
    assert "kube-proxy v1.37.3 (sha256 bbbbbbbbbbbb)" in said
    assert "new in it: the build, before it v1.37.2" in said
    assert not found["LOAD-010 ratio"].steps


def test_an_exact_figure_tells_at_once(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write(path, 6, changed=5)
    found = {one.key.figure: one for one in trend.series_of(history.read(path))}
    (step,) = found["LOAD-010 lines"].steps
    assert (step.at, step.before, step.after) == (5, 61, 121)
    assert "61 to 121 (+98%, exact) since run run5" in found["LOAD-010 lines"].tell(step)
    assert not found["LOAD-010 cpu"].steps


def test_only_what_depends_on_the_machine_is_kept_apart_by_it(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for number in range(4):
        figures = {"cpu": Figure(value=1, unit="s"), "ratio": Figure(value=1, unit="times")}
        history.append(path, run_with(number, figures, model=f"processor {number % 2}"))
    lengths = {one.key: len(one.runs) for one in trend.series_of(history.read(path))}
    assert sorted((key.figure[9:], length) for key, length in lengths.items()) == [
        ("cpu", 2),
        ("cpu", 2),
        ("ratio", 4),
    ]


def test_the_command_fails_for_a_change_that_is_new(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, drawn = tmp_path / "history.jsonl", tmp_path / "trend.html"
    write(path, 40, changed=34)
    assert main(["trend", str(path), "--html", str(drawn)]) == 1
    printed = capsys.readouterr().out
    assert "WORSE: LOAD-010 cpu (ipvs, kube-proxy v1.37)" in printed
    assert "WORSE: LOAD-010 lines" in printed
    assert "WORSE: LOAD-010 ratio" not in printed
    assert "<polyline" in drawn.read_text()
    assert main(["trend", str(path), "--recent", "3"]) == 0
    assert main(["trend", str(path), "--figure", "LOAD-010 ratio"]) == 0


def test_what_became_better_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "history.jsonl"
    write(path, 40, changed=34, factor=0.7)
    assert main(["trend", str(path), "--figure", "LOAD-010 cpu"]) == 0
    assert "better: LOAD-010 cpu" in capsys.readouterr().out


def test_the_page_of_a_run_has_the_pictures_of_its_figures(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write(path, 40, changed=34)
    figures = {"cpu": Figure(value=5.2, unit="s"), "lines": Figure(value=121, unit="count")}
    run = run_with(40, figures, build=NEW)
    history.append(path, run)
    told = trend.with_trends(run, path)
    assert [one.name.split(" (")[0] for one in told.trends] == ["LOAD-010 cpu", "LOAD-010 lines"]
    shown = page(told)
    assert "Over time" in shown
    assert "since run run34" in shown


def test_a_first_run_has_no_trend(tmp_path: Path) -> None:
    run = run_with(1, {"ratio": Figure(value=1)})
    assert not trend.with_trends(run, tmp_path / "missing").trends
    assert "Over time" not in page(run)


HISTORIES, FIGURES, RUNS = 200, 20, 40


def test_a_whole_history_without_change_rarely_alarms() -> None:
    """The chance of a false alarm is that of a night, over all figures together."""
    random = np.random.default_rng(11)
    alarms = 0
    for _ in range(HISTORIES):
        rows = random.lognormal(0, 0.1, (FIGURES, RUNS))
        found = [steps(list(row), trend.ALARM / FIGURES) for row in rows]
        alarms += any(found)
    # The upper end of a 99.9% interval around 1% of 200.
    assert alarms / HISTORIES <= 0.04
