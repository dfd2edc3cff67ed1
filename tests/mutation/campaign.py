"""Trial after trial: the next defect is compiled while the cluster judges the one before."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusters.errors import ProxyproofError
from clusters.parts.overlay import build_changed
from clusters.parts.progress import Recorder
from reports.model import Outcome
from tests.bench import Bench, BenchError
from tests.mutation.defect import VERSION
from tests.mutation.outcome import Fate, Finding, Result, judge, unfit_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from clusters.protocol import Mode
    from tests.mutation.ledger import Ledger
    from tests.mutation.trials import Trial

IMPATIENCE = 0.4
"""A broken build is waited for until the bounds end, so they are shorter, for the control, too."""

AHEAD = 2
"""Builds under way or done before their turn; more would only take time from the cluster."""

GROUP = 12
"""Trials whose cases are run on the unchanged build at once, before the first of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to go about the trials; `deadline` is a time of `time.monotonic`, `cluster` a name.

    With `kind` each trial has a kind cluster of its own.

    Once `stop` is set no trial begins, and the one under way is not filed.
    """

    artifacts: Path
    whole: bool = False
    deadline: float = float("inf")
    cluster: str = ""
    kind: bool = False
    stop: threading.Event = field(default_factory=threading.Event)


class Campaign:
    """Tries the defects of one mode on one cluster."""

    def __init__(
        self,
        mode: Mode,
        ledger: Ledger,
        builders: ThreadPoolExecutor,
        plan: Plan,
        say: Callable[[str], None],
    ) -> None:
        self.mode = mode
        self.ledger = ledger
        self.plan = plan
        self.say = say
        self._builders = builders
        artifacts = plan.artifacts / mode
        self._bench = Bench(mode, artifacts, plan.cluster, slow=IMPATIENCE, kind=plan.kind)

    def run(self, trials: Sequence[Trial]) -> None:
        """Try every defect and file the results, until all are done or the time is up."""
        waiting = deque(trials)
        builds: deque[tuple[Trial, Future[Path]]] = deque()
        controlled = 0
        try:
            self._build_ahead(waiting, builds)
            for number in range(len(trials)):
                if number == controlled and not self._late():
                    controlled += GROUP
                    group = trials[number:controlled]
                    self.control({case for trial in group for case in trial.defect.caught_by})
                if self._late():
                    break
                trial, build = builds.popleft()
                self._build_ahead(waiting, builds)
                result = self._try(trial, build)
                if self.plan.stop.is_set():
                    # Whoever stopped this may have stopped the suites in the middle as well.
                    break
                self.ledger.add(result)
                self.say(line(result))
        finally:
            for _, build in builds:
                build.cancel()
            self._bench.close()

    def control(self, cases: Collection[str]) -> None:
        """Run cases on the unchanged build: what fails there cannot show a defect."""
        wanted = self.ledger.uncontrolled(self.mode, cases)
        if not wanted:
            return
        self.say(f"control: {len(wanted)} cases on the unchanged build in {self.mode} mode")
        run = self._bench.run(VERSION, wanted, "control")
        for result in run.results:
            trouble = unfit_cases(run).get(result.case.id, "")
            if result.outcome is Outcome.PASSED or trouble:
                self.ledger.add_control(self.mode, result.case.id, result.case.file, trouble)
            if trouble:
                self.say(f"control: {result.case.id} is of no use: {trouble}")

    def _build_ahead(
        self, waiting: deque[Trial], builds: deque[tuple[Trial, Future[Path]]]
    ) -> None:
        while waiting and len(builds) < AHEAD:
            trial = waiting.popleft()
            edits = trial.defect.edits
            build = self._builders.submit(build_changed, VERSION, edits, Recorder())
            builds.append((trial, build))

    def _late(self) -> bool:
        return self.plan.stop.is_set() or time.monotonic() >= self.plan.deadline

    def _try(self, trial: Trial, build: Future[Path]) -> Result:
        defect = trial.defect
        try:
            path = build.result()
        except ProxyproofError as error:
            return _result(trial, Finding(Fate.NO_BUILD, sentence=str(error)), 0.0)
        cases = () if self.plan.whole else defect.caught_by
        if defect.fresh:
            self._bench.close()
        started = time.monotonic()
        try:
            run = self._bench.run(str(path), cases, folder(defect.name), first=not self.plan.whole)
            finding = judge(run, defect.caught_by, self.ledger.unfit(self.mode))
        except BenchError as error:
            finding = Finding(Fate.UNDECIDED, sentence=str(error))
        if finding.fate is Fate.UNDECIDED:
            # Whatever went wrong may still be wrong for the next defect.
            self._bench.close()
        return _result(trial, finding, time.monotonic() - started)


def _result(trial: Trial, finding: Finding, seconds: float) -> Result:
    return Result(
        trial.defect.name,
        trial.mode,
        trial.key,
        finding.fate,
        finding.killer,
        finding.case,
        finding.sentence,
        finding.others,
        round(seconds, 1),
    )


def folder(name: str) -> str:
    """Return a defect's name as that of a folder."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def line(result: Result) -> str:
    """Say how a trial ended."""
    by = f" by {result.killer}" if result.killer else ""
    tail = f": {result.sentence[:200]}" if result.sentence else ""
    return f"{result.fate.upper()}{by}  {result.defect} ({result.mode}){tail}"
