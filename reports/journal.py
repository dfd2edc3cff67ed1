"""The journal of a run: every observation as one line of JSON, on disk the moment it is made.

A killed run keeps all but the line it was writing. Each line has `kind`, `at` (wall clock, UTC,
ISO 8601) and `mono_ns` (monotonic clock of the writing kernel, nanoseconds), and by kind:

- run: `info`; may be written again as more is known (nodes, versions)
- step: `step`; also before the first run line
- case-start: `case`, `params`
- attempts: `key` of the case, `probe`, `columns`; wait: `key`, `wait`; observe: `key`, `name`,
  `value`; figure: `key`, `name`, `figure`; event: `key`, `text`
- case: `result`; build-verdict: `verdict`; harness-error: `problem`
- end: `finished`, `interrupted`
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from reports.model import (
    BuildVerdict,
    CaseInfo,
    CaseResult,
    Figure,
    HarnessProblem,
    Outcome,
    Run,
    RunInfo,
    Step,
    Wait,
    case_key,
    plain,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

UNFINISHED = "the run ended while this case was running"


class JournalError(ValueError):
    """The file is no journal; the message names it."""


class Journal:
    """Appends records to a file; safe to use from several threads.

    Raises OSError where the file cannot be opened or written (also a full disk): evidence that
    cannot be kept is a failure of the testbed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # A signal handler may record while the same thread is recording.
        self._lock = threading.RLock()
        self._file = path.open("ab", buffering=0)
        if _ends_inside_a_line(path):
            self._file.write(b"\n")

    def record(self, kind: str, /, **fields: object) -> None:
        """Append one record; what JSON cannot hold is written as its representation."""
        stamp = {
            "kind": kind,
            "at": datetime.now(UTC).isoformat(timespec="microseconds"),
            "mono_ns": time.monotonic_ns(),
        }
        line = json.dumps(stamp | plain(fields), ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            rest = memoryview(line.encode() + b"\n")
            while rest:
                rest = rest[self._file.write(rest) :]

    def run(self, info: RunInfo) -> None:
        """Say what is run; call again when more is known."""
        self.record("run", info=info)

    def step(self, step: Step) -> None:
        """Keep the time of a step of setting up."""
        self.record("step", step=step)

    def case_start(self, case: CaseInfo, params: Mapping[str, str]) -> None:
        """Say that a case begins, so that a killed run knows where it was."""
        self.record("case-start", case=case, params=params)

    def attempts(self, key: str, probe: str, columns: Mapping[str, object]) -> None:
        """Keep the columns of a probe of the case `key`."""
        self.record("attempts", key=key, probe=probe, columns=columns)

    def wait(self, key: str, wait: Wait) -> None:
        """Keep a wait of the case `key`."""
        self.record("wait", key=key, wait=wait)

    def event(self, key: str, text: str) -> None:
        """Keep that something happened now in the case `key`."""
        self.record("event", key=key, text=text)

    def observe(self, key: str, name: str, value: object) -> None:
        """Keep something the case `key` saw."""
        self.record("observe", key=key, name=name, value=value)

    def figure(self, key: str, name: str, figure: Figure) -> None:
        """Keep a figure of the case `key` that is followed from run to run."""
        self.record("figure", key=key, name=name, figure=figure)

    def case(self, result: CaseResult) -> None:
        """Keep the result of a case."""
        self.record("case", result=result)

    def build_verdict(self, verdict: BuildVerdict) -> None:
        """Say whether the build can be judged."""
        self.record("build-verdict", verdict=verdict)

    def harness_error(self, problem: HarnessProblem) -> None:
        """Keep a failure of the harness or the testbed."""
        self.record("harness-error", problem=problem)

    def end(self, *, finished: datetime | None = None, interrupted: bool = False) -> None:
        """Say that the run came to its end, now unless told."""
        at = finished or datetime.now(UTC)
        self.record("end", finished=at.isoformat(), interrupted=interrupted)

    def close(self) -> None:
        """Close the file; a later record raises ValueError."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a journal, without lines that a kill cut short.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and isinstance(record.get("kind"), str):
                yield record


def load_run(path: Path) -> Run:
    """Rebuild the last run that a journal holds; without an end record it counts as interrupted.

    A case that began but has no result becomes inconclusive, with the waits and observations it had
    made. Raises JournalError where the file holds no record, OSError where it cannot be read.
    """
    replay = _Replay()
    for record in read(path):
        replay.take(record)
    return replay.finish(path)


class _Replay:
    """The state of a run while its records are read again."""

    def __init__(self) -> None:
        self._info: RunInfo | None = None
        self._first = self._last = ""
        self._begin()

    def _begin(self) -> None:
        self._ended = self._interrupted = False
        self._finished: datetime | None = None
        self._steps: list[Step] = []
        self._results: list[CaseResult] = []
        self._problems: list[HarnessProblem] = []
        self._verdict: BuildVerdict | None = None
        self._open: dict[str, CaseResult] = {}

    def take(self, record: dict[str, Any]) -> None:
        """Add one record; one that cannot be understood becomes a problem of the harness."""
        at = str(record.get("at", ""))
        self._first, self._last = self._first or at, at
        if self._ended:
            self._begin()
            self._info = None
        try:
            self._apply(record)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            where = f"journal, {record['kind']} record at {at or 'unknown time'}"
            self._problems.append(HarnessProblem(where=where, message=str(error)))

    def _apply(self, record: dict[str, Any]) -> None:
        match record["kind"]:
            case "run":
                self._run(RunInfo.model_validate(record["info"]))
            case "step":
                self._steps.append(Step.model_validate(record["step"]))
            case "case-start":
                self._start(CaseInfo.model_validate(record["case"]), record.get("params") or {})
            case "attempts" | "wait" | "observe" | "figure" as kind:
                if unfinished := self._open.get(record["key"]):
                    _enrich(unfinished, kind, record)
            case "case":
                result = CaseResult.model_validate(record["result"])
                self._open.pop(result.key, None)
                self._results.append(result)
            case "build-verdict":
                self._verdict = BuildVerdict.model_validate(record["verdict"])
            case "harness-error":
                self._problems.append(HarnessProblem.model_validate(record["problem"]))
            case "end":
                self._finished = datetime.fromisoformat(record["finished"])
                self._interrupted = bool(record.get("interrupted"))
                self._ended = True

    def _run(self, info: RunInfo) -> None:
        # Steps and problems come before the first run record, so only another run's id clears them.
        if self._info is not None and self._info.id != info.id:
            self._begin()
        self._info = info

    def _start(self, case: CaseInfo, params: dict[str, str]) -> None:
        key = case_key(case.id, params)
        self._open[key] = CaseResult(
            case=case,
            params=params,
            outcome=Outcome.INCONCLUSIVE,
            sentence=UNFINISHED,
            evidence=f"run.jsonl#{key}",
        )

    def finish(self, path: Path) -> Run:
        """Build the run from what was taken."""
        if not self._first:
            raise JournalError(f"{path} holds no journal record")
        info = self._info or RunInfo(id="unknown", started=datetime.fromisoformat(self._first))
        ended_at = self._finished or datetime.fromisoformat(self._last)
        return Run(
            info=info.model_copy(update={"finished": info.finished or ended_at}),
            build_verdict=self._verdict,
            results=[*self._results, *self._open.values()],
            harness_errors=self._problems,
            interrupted=self._interrupted or not self._ended,
            setup_steps=self._steps,
        )


def _enrich(result: CaseResult, kind: str, record: dict[str, Any]) -> None:
    if kind == "wait":
        result.waits.append(Wait.model_validate(record["wait"]))
    elif kind == "observe":
        result.observations[record["name"]] = record["value"]
    elif kind == "figure":
        result.figures[record["name"]] = Figure.model_validate(record["figure"])
    else:
        result.attempts += len(record["columns"].get("outcome", ()))


def _ends_inside_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"
