"""The page of the article's claims."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reports.journal import Journal
from reports.model import BuildInfo, CaseInfo, CaseResult, Outcome, RunInfo
from suites.scale.page import CASE, main

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"claim": "a | b", "here": "holds"}]
PICTURE = {"series": {"ipvs": [[100, 1.0], [1000, 2.0]]}, "x": "Services", "y": "s"}


def journal(path: Path, observations: dict[str, object]) -> Path:
    made = Journal(path)
    made.run(RunInfo.model_validate(INFO | {"build": BuildInfo(source="v1.37", version="v1.37.2")}))
    case = CaseInfo(id=CASE, name="growth", summary="It is so", profile="scale")
    made.case(CaseResult(case=case, outcome=Outcome.PASSED, observations=observations))
    made.end(interrupted=False)
    return path


INFO = {
    "id": "1",
    "started": "2026-01-01T00:00:00Z",
    "command": "pytest",
    "mode": "all",
    "family": "ipv4",
    "provider": "embedded",
    "seed": 1,
    "timeouts": {},
    "suite_version": "0",
    "python": "3",
    "replay": "pytest",
    "machine": {"processors": 2, "model": "a model", "load": 0.5},
}


def test_page(tmp_path: Path) -> None:
    """Rows are a table whose cells are escaped, and pictures are files beside it."""
    seen = {
        "the article, row by row": ROWS,
        "by Services and mode": [{"Services": 1000, "mode": "ipvs"}],
        "CPU of one change": PICTURE,
    }
    main(journal(tmp_path / "run.jsonl", seen), tmp_path)
    page = (tmp_path / "article.md").read_text()
    assert "| a \\| b | holds |" in page
    assert "| 1,000 | ipvs |" in page
    assert "`tox -e scale -- --kp-scale 100,1000` of kube-proxy v1.37.2" in page
    assert "2 processors (a model)" in page
    assert (tmp_path / "article-cpu.svg").read_text().startswith("<svg ")


def test_no_page_without_claims(tmp_path: Path) -> None:
    """A run that measured no growth has no page."""
    with pytest.raises(LookupError):
        main(journal(tmp_path / "run.jsonl", {}), tmp_path)
