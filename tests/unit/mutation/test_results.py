"""Results are kept over a kill, counted and shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.mutation.__main__ import main, open_trials
from tests.mutation.campaign import folder, line
from tests.mutation.catalog import all_defects
from tests.mutation.defect import IPTABLES, Defect, Equivalent
from tests.mutation.figures import figures_of
from tests.mutation.ledger import Ledger
from tests.mutation.outcome import Fate, Result
from tests.mutation.report import as_json, as_markdown, in_order, summary
from tests.mutation.trials import Trial, trials_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DEFECT = Defect("a | thing", ("ipvs",), {IPTABLES: ("old", "new")}, ("SVC-001",))
TRIAL = Trial(DEFECT, "ipvs")
KILLED = Result(
    DEFECT.name, "ipvs", TRIAL.key, Fate.KILLED, "SVC-001", "it works", "it does not", ("X",), 3.0
)
SURVIVED = replace(KILLED, mode="nftables", fate=Fate.SURVIVED, killer="", sentence="all passed")


def test_a_killed_run_goes_on(tmp_path: Path) -> None:
    """Results are read back; half a line at the end is that of the trial to do again."""
    ledger = Ledger(tmp_path / "deep/results.jsonl")
    ledger.add(replace(KILLED, fate=Fate.UNDECIDED))
    ledger.add(KILLED)
    with ledger.path.open("a") as file:
        file.write('{"kind": "trial", "defect"')
    read = Ledger(ledger.path)
    assert read.of([TRIAL]) == [KILLED]
    assert read.of([Trial(replace(DEFECT, caught_by=("SVC-002",)), "ipvs")]) == []


def test_a_control_is_of_the_case_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that was changed since has to show again that it passes on an unchanged build."""
    monkeypatch.setattr("tests.mutation.ledger.ROOT", tmp_path)
    (tmp_path / "test_a.py").write_text("first")
    ledger = Ledger(tmp_path / "results.jsonl")
    assert ledger.uncontrolled("ipvs", ["A", "B"]) == ["A", "B"]
    ledger.add_control("ipvs", "A", "test_a.py", "")
    ledger.add_control("ipvs", "B", "test_a.py", "it failed")
    read = Ledger(ledger.path)
    assert read.uncontrolled("ipvs", ["A", "B"]) == ["B"]
    assert read.uncontrolled("nftables", ["A"]) == ["A"]
    assert read.unfit("ipvs") == {"B": "it failed"}
    (tmp_path / "test_a.py").write_text("second")
    assert read.uncontrolled("ipvs", ["A", "B"]) == ["A", "B"]


def test_figures_are_by_mode_and_over_all() -> None:
    found = figures_of([KILLED, KILLED, SURVIVED])
    assert [(f.mode, f.killed, f.total) for f in found] == [
        ("ipvs", 2, 2),
        ("nftables", 0, 1),
        ("all", 2, 3),
    ]
    assert [f.enough for f in found] == [True, False, False]
    assert not figures_of([])[0].enough


def test_the_summary_names_what_is_missing() -> None:
    text = summary([KILLED, SURVIVED])
    assert "ipvs: 1 of 1 killed (100.0%)\n" in text
    assert "nftables: 0 of 1 killed (0.0%), 1 survived" in text


def test_survivors_come_first() -> None:
    assert in_order([KILLED, SURVIVED]) == [SURVIVED, KILLED]


def test_the_page_shows_what_was_printed() -> None:
    """A bar in a name does not end its cell."""
    page = as_markdown([KILLED, SURVIVED], [Equivalent(DEFECT, "nothing reads it")])
    assert "| a \\| thing | SVC-001 | it does not |" in page
    assert "| a \\| thing | survived | all passed |" in page
    assert "| a \\| thing | ipvs | nothing reads it |" in page
    assert "left" not in page
    assert "7 trials are left" in as_markdown([KILLED], missing=7)


def test_json_holds_figures_and_results() -> None:
    content = json.loads(as_json([KILLED]))
    assert content["figures"][-1]["share"] == 1.0
    assert content["results"][0]["killer"] == "SVC-001"
    assert content["version"].startswith("v1.")


def test_names_are_safe_in_paths_and_lines() -> None:
    assert folder("a slice's 80th | end") == "a-slice-s-80th-end"
    assert line(KILLED) == "KILLED by SVC-001  a | thing (ipvs): it does not"


def test_what_is_left_to_do(tmp_path: Path) -> None:
    """New and undecided trials, and those asked for again."""
    ledger = Ledger(tmp_path / "results.jsonl")
    assert open_trials([TRIAL], ledger, None) == [TRIAL]
    ledger.add(replace(KILLED, fate=Fate.UNDECIDED))
    assert open_trials([TRIAL], ledger, None) == [TRIAL]
    ledger.add(KILLED)
    assert open_trials([TRIAL], ledger, None) == []
    assert open_trials([TRIAL], ledger, ["survived"]) == []
    assert open_trials([TRIAL], ledger, ["killed"]) == [TRIAL]
    assert open_trials([TRIAL], ledger, []) == [TRIAL]


def test_a_kept_ledger_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a ledger of an earlier run knows is not tried again, and is what the page is made of."""
    monkeypatch.setenv("COLUMNS", "300")
    trial = trials_of(all_defects(), ["nftables"])[0]
    ledger = tmp_path / "kept.jsonl"
    fate = Fate.KILLED
    Ledger(ledger).add(
        Result(trial.defect.name, "nftables", trial.key, fate, "SVC-001", "x", "was seen", (), 1.0)
    )
    asked = ["--mode", "nftables", "--only", trial.defect.name, "--ledger", str(ledger)]
    asked += ["--artifacts", str(tmp_path)]
    assert main([*asked, "--list"]) == 0
    assert f"killed: {trial.defect.name} (nftables)" in capsys.readouterr().out
    assert main([*asked, "--report"]) == 0
    assert "was seen" in (tmp_path / "sensitivity.md").read_text()
