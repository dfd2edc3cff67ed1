"""All reports together, and the command line over journals."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports import __main__ as command
from reports import bundle
from reports.bundle import write_all
from reports.qualification import read_qualification
from reports.verdicts import exit_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.model import CaseResult, Run, RunInfo

ROOT = Path(__file__).parents[3]
NAMES = {"report.html", "qualification.yaml", "junit.xml"}


def names(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {path.name for path in folder.iterdir()}


def test_all_reports(run: Run, tmp_path: Path) -> None:
    """Every report is written, readable by others, with nothing left beside it."""
    assert write_all(run, tmp_path / "new" / "artifacts") is run
    assert names(tmp_path / "new" / "artifacts") == NAMES
    assert (tmp_path / "new" / "artifacts" / "junit.xml").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", sorted(NAMES))
def test_report_that_cannot_be_written(
    make_run: Callable[..., Run],
    make_result: Callable[..., CaseResult],
    tmp_path: Path,
    name: str,
) -> None:
    """The others are written and tell of it, and the run no longer counts as passed."""
    (tmp_path / name).mkdir()
    told = write_all(make_run(make_result()), tmp_path)
    (problem,) = told.harness_errors

    assert problem.where == f"report {name}"
    assert exit_status(told) == 3
    assert names(tmp_path) == NAMES
    for other in NAMES - {name}:
        assert f"report {name}" in (tmp_path / other).read_text()


def test_fault_of_a_report_is_caught(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one report costs neither the others nor the traceback."""

    def broken(_run: Run, _path: Path) -> None:
        raise KeyError("gone")

    monkeypatch.setitem(bundle.WRITERS, "report.html", broken)
    (problem,) = write_all(run, tmp_path).harness_errors

    assert "KeyError" in problem.traceback
    assert names(tmp_path) == NAMES - {"report.html"}


def test_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    """Artifacts below a file cannot be written: three harness errors, no exception."""
    (tmp_path / "file").write_text("")

    assert len(write_all(run, tmp_path / "file" / "artifacts").harness_errors) == 3


def test_render_of_a_killed_run(
    run: Run, keep: Callable[[Run, Path], Path], tmp_path: Path
) -> None:
    """`python -m reports render` brings back every report of a run that was killed."""
    path = keep(run, tmp_path / "run.jsonl")
    os.truncate(path, path.stat().st_size - 20)
    ended = subprocess.run(
        [sys.executable, "-m", "reports", "render", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "then the run was interrupted" in ended.stdout
    assert names(tmp_path) == NAMES | {"run.jsonl"}
    assert read_qualification(tmp_path / "qualification.yaml").run == run.info.id


def test_merge_of_two_runs(
    run: Run,
    make_run: Callable[..., Run],
    make_info: Callable[..., RunInfo],
    keep: Callable[[Run, Path], Path],
    tmp_path: Path,
    *,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`merge` writes one page and one JUnit file over all journals, and says where."""
    journals = [
        keep(run, tmp_path / "a" / "run.jsonl"),
        keep(make_run(info=make_info(mode="nftables")), tmp_path / "b" / "run.jsonl"),
    ]

    assert command.main(["merge", *map(str, journals), "--out", str(tmp_path / "out")]) == 0
    assert names(tmp_path / "out") == {"report.html", "junit.xml"}
    assert capsys.readouterr().out.strip() == str(tmp_path / "out" / "report.html")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "required: command"),
        (["show"], "invalid choice: 'show'"),
        (["merge", "run.jsonl"], "required: --out"),
        (["render", "absent.jsonl"], "absent.jsonl: No such file or directory"),
        (["render", "."], ".: Is a directory"),
        (["render", "text"], "text holds no journal record"),
    ],
)
def test_usage(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    """A wrong command or journal gives one clear line and exit status 4."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("no journal\n")
    try:
        status = command.main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    complaints = capsys.readouterr().err

    assert status == 4
    assert complaint in complaints
    assert complaints.count("\n") == 1


def test_render_where_nothing_can_be_written(
    run: Run, keep: Callable[[Run, Path], Path], tmp_path: Path
) -> None:
    """Reports that cannot be written end the command with 3."""
    path = keep(run, tmp_path / "run.jsonl")

    assert command.main(["render", str(path), "--out", str(path)]) == 3
