"""What trials and control runs ended with, one JSON line each, so that a killed run goes on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from tests import lines
from tests.mutation.outcome import Fate, Result
from tests.suites import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from clusters.protocol import Mode
    from tests.mutation.trials import Trial


class Ledger:
    """A file of results; the last line about a trial counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.results: dict[str, Result] = {}
        self.controls: dict[tuple[str, str], dict[str, str]] = {}
        for record in lines.read(path):
            if record.pop("kind") == "trial":
                record["fate"] = Fate(record["fate"])
                record["others"] = tuple(record["others"])
                self.results[record["key"]] = Result(**record)
            else:
                self.controls[record["mode"], record["case"]] = record

    def add(self, result: Result) -> None:
        """File the end of a trial."""
        self.results[result.key] = result
        lines.append(self.path, {"kind": "trial", **asdict(result)})

    def of(self, trials: Iterable[Trial]) -> list[Result]:
        """Return the results of those trials that have one."""
        return [self.results[trial.key] for trial in trials if trial.key in self.results]

    def add_control(self, mode: Mode, case: str, file: str, trouble: str) -> None:
        """File what an unchanged build got from a case: `trouble` is empty if it passed."""
        record = {"mode": mode, "case": case, "file": file, "sha256": _digest(file)}
        self.controls[mode, case] = record | {"trouble": trouble}
        lines.append(self.path, {"kind": "control", **self.controls[mode, case]})

    def uncontrolled(self, mode: Mode, cases: Iterable[str]) -> list[str]:
        """Return the cases that the unchanged build has not passed since they were written."""
        known = {
            case
            for (where, case), record in self.controls.items()
            if where == mode
            and not record["trouble"]
            and record["sha256"] == _digest(record["file"])
        }
        return sorted(set(cases) - known)

    def unfit(self, mode: Mode) -> dict[str, str]:
        """Return the cases that an unchanged build does not pass, with what they said."""
        return {
            case: record["trouble"]
            for (where, case), record in self.controls.items()
            if where == mode and record["trouble"]
        }


def _digest(file: str) -> str:
    path = ROOT / file
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
