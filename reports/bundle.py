"""All reports of a run, written together."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from reports.html import write_html
from reports.junit import write_junit
from reports.model import HarnessProblem
from reports.qualification import write_qualification

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reports.model import Run

WRITERS: dict[str, Callable[[Run, Path], None]] = {
    "report.html": write_html,
    "qualification.yaml": write_qualification,
    "junit.xml": write_junit,
}


def write_all(run: Run, artifacts: Path) -> Run:
    """Write every report, and return the run with a harness error for each that failed.

    One failing report does not keep the others from being written, and those say that it is
    missing: take the exit status from the run returned.
    """
    missing = _write(run, artifacts, list(WRITERS))
    if not missing:
        return run
    told = _with(run, missing)
    rest = [name for name in WRITERS if name not in missing]
    return _with(told, _write(told, artifacts, rest))


def _write(run: Run, artifacts: Path, names: list[str]) -> dict[str, HarnessProblem]:
    problems = {}
    for name in names:
        try:
            WRITERS[name](run, artifacts / name)
        except Exception as error:  # noqa: BLE001  a fault in one report must not cost the others
            problems[name] = HarnessProblem(
                where=f"report {name}",
                message=f"cannot be written: {error or type(error).__name__}",
                traceback=traceback.format_exc(),
            )
    return problems


def _with(run: Run, problems: dict[str, HarnessProblem]) -> Run:
    errors = [*run.harness_errors, *problems.values()]
    return run.model_copy(update={"harness_errors": errors})
