"""The history of runs: a line of JSON for each, with the figures that are followed.

Two runs may append at the same time: a line is written at once, behind a lock (flock(2)), so it is
whole or, after a power cut, left out when the file is read.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ValidationError

from reports.model import BuildInfo, Figure, Machine, Outcome, Run

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
DECIDED = {Outcome.PASSED, Outcome.FAILED}


class HistoryError(ValueError):
    """The file is no history; the message names it."""


class Entry(BaseModel):
    """One run as the history has it; `figures` by case and name."""

    schema_version: int = SCHEMA
    run: str
    at: AwareDatetime
    build: BuildInfo
    mode: str = ""
    family: str = ""
    provider: str = ""
    config: dict[str, Any] = {}
    control_plane: str = ""
    etcd: str = ""
    suite: str = ""
    kernels: list[str] = []
    machine: Machine = Machine()
    figures: dict[str, Figure]


def entry_of(run: Run) -> Entry | None:
    """Return what a history keeps of a run; None when no case of it decided on a figure.

    What an inconclusive case measured is left out: it may be the testbed's doing.
    """
    info = run.info
    figures = {
        f"{result.case.id} {name}": figure
        for result in run.results
        if result.outcome in DECIDED
        for name, figure in result.figures.items()
    }
    if not figures:
        return None
    return Entry(
        run=info.id,
        at=info.started,
        build=info.build,
        mode=info.mode,
        family=info.family,
        provider=info.provider,
        config=info.config,
        control_plane=info.control_plane,
        etcd=info.etcd,
        suite=info.suite_version,
        kernels=list(dict.fromkeys(node.kernel for node in info.nodes if node.kernel)),
        machine=info.machine,
        figures=figures,
    )


def append(path: Path, run: Run) -> bool:
    """Append a run; tell whether it had something to keep. Raises OSError."""
    entry = entry_of(run)
    if entry is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    line = entry.model_dump_json(exclude_defaults=True).encode() + b"\n"
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            # Somebody was cut off in the middle of a line.
            line = b"\n" + line
        while line:
            line = line[os.write(file, line) :]
    finally:
        os.close(file)
    return True


def read(path: Path) -> list[Entry]:
    """Return the runs in the order in which they began, without lines that were cut short.

    Raises OSError where the file cannot be read and HistoryError when no line of it is a run.
    """
    entries: dict[str, Entry] = {}
    lines = path.read_bytes().splitlines()
    for line in lines:
        try:
            entry = Entry.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            continue
        entries[entry.run] = entry
    if not entries and any(line.strip() for line in lines):
        raise HistoryError(f"{path} holds no run")
    return sorted(entries.values(), key=lambda entry: entry.at)
