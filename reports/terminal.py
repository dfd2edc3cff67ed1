"""The summary at the end of a run, for a reader who looks once.

Fits 80 columns, uses colour only where the console has it, and ASCII where the terminal's encoding
has nothing else. Nothing a build wrote can move the cursor or set a colour.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from reports.facts import build_line, by_reason, environment_line, judged, prefixed
from reports.model import BuildKind, Outcome
from reports.text import ascii_only, last_lines, plural, printable, seconds
from reports.verdicts import judge, of_outcome, sections, tally

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console, RenderableType

    from reports.model import CaseResult, Run

_TONE = {"good": "green", "bad": "red", "unsure": "yellow"}
_STYLE = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.NOT_OFFERED: "cyan",
    Outcome.SKIPPED: "blue",
    Outcome.INCONCLUSIVE: "bold yellow",
}
_SHOWN_CASES = 20
_LOG_LINES = 15
_STEPS = 6


def render(run: Run, console: Console, *, artifacts: Path | None = None) -> None:
    """Print the summary; paths of evidence are shown below `artifacts`, as seen from here."""
    _Summary(run, console, artifacts).show()


class _Summary:
    def __init__(self, run: Run, console: Console, artifacts: Path | None) -> None:
        self.run = run
        self.console = console
        self.artifacts = artifacts
        self.ascii = console.options.ascii_only

    def show(self) -> None:
        self._headline()
        self._build_log()
        self._table()
        self._cases("Failed", Outcome.FAILED)
        self._harness()
        self._cases("Inconclusive", Outcome.INCONCLUSIVE)
        self._reasons("Not offered", Outcome.NOT_OFFERED)
        self._reasons("Skipped", Outcome.SKIPPED)
        self._times()
        self._where()

    def text(self, content: str, style: str = "") -> Text:
        shown = printable(content).strip()
        return Text(ascii_only(shown) if self.ascii else shown, style=style)

    def put(self, item: RenderableType, indent: int = 0) -> None:
        if isinstance(item, Text):
            self.hang(Text(" " * indent), item)
            return
        padded = Padding(item, (0, 0, 0, indent), expand=False) if indent else item
        self.console.print(padded, highlight=False)

    def hang(self, label: Text, content: Text) -> None:
        """Print a label with its content beside it, further lines below the first."""
        room = max(10, self.console.width - label.cell_len)
        for number, line in enumerate(content.wrap(self.console, room, overflow="fold")):
            start = Text(" " * label.cell_len) if number else label
            self.console.print(Text.assemble(start, line), highlight=False, soft_wrap=True)

    def title(self, content: str, style: str = "bold") -> None:
        self.console.print()
        self.put(self.text(content, style))

    def pairs(self, rows: Iterable[tuple[str, str]], indent: int) -> None:
        kept = [(label, content) for label, content in rows if content.strip()]
        longest = max((len(label) for label, _ in kept), default=0)
        for label, content in kept:
            padded = f"{'':{indent}}{label:{longest}}  "
            self.hang(Text(padded, style="dim"), self.text(content))

    def _headline(self) -> None:
        judgement = judge(self.run)
        colour = _TONE[judgement.tone]
        rule = Rule(characters="-" if self.ascii else "\u2500", style=colour)
        self.console.print()
        self.put(rule)
        head = self.text(judgement.word, f"bold {colour}")
        head.append("  ").append_text(self.text(judged(self.run), "bold"))
        self.put(head, 1)
        self.put(self.text(judgement.sentence + self._took()), 1)
        for line_of in (build_line, environment_line):
            if line := line_of(self.run):
                self.put(self.text(line, "dim"), 1)
        self.put(rule)

    def _took(self) -> str:
        return f"; took {seconds(self.run.seconds)}" if self.run.seconds is not None else ""

    def _build_log(self) -> None:
        verdict = self.run.build_verdict
        if verdict is None or verdict.kind is BuildKind.JUDGED:
            return
        lines = last_lines(verdict.log_tail, _LOG_LINES)
        if not lines:
            self.title("kube-proxy wrote nothing" + prefixed(" on node ", verdict.node))
            return
        self.title("The last that kube-proxy wrote" + prefixed(" on node ", verdict.node))
        bar = "  | " if self.ascii else "  \u2502 "
        for line in lines:
            self.hang(Text(bar, style="dim"), self.text(line))

    def _table(self) -> None:
        found = sections(self.run)
        if not found:
            return
        table = Table(box=None, pad_edge=False, padding=(0, 1), show_footer=len(found) > 1)
        total = tally(self.run.results)
        table.add_column("profile", footer="all", overflow="fold")
        table.add_column("level", overflow="fold")
        for outcome in Outcome:
            label = outcome.replace("-", " ")
            table.add_column(
                label, justify="right", overflow="fold", footer=self._count(outcome, total[outcome])
            )
        for section in found:
            counts = (self._count(outcome, section.counts[outcome]) for outcome in Outcome)
            table.add_row(self.text(section.profile), section.level.value, *counts)
        self.console.print()
        self.put(table, 1)

    def _count(self, outcome: Outcome, count: int) -> Text:
        return self.text(str(count), _STYLE[outcome]) if count else self.text("-", "dim")

    def _cases(self, title: str, outcome: Outcome) -> None:
        results = of_outcome(self.run, outcome)
        if not results:
            return
        self.title(f"{title} ({len(results)})", _STYLE[outcome])
        for number, result in enumerate(results[:_SHOWN_CASES]):
            if number:
                self.console.print()
            self._case(result)
        if (hidden := len(results) - _SHOWN_CASES) > 0:
            self.put(self.text(f"and {hidden} more, in the report", "dim"), 2)

    def _case(self, result: CaseResult) -> None:
        case = result.case
        head = self.text(result.key, "bold")
        head.append("  ").append_text(self.text(case.name))
        self.put(head, 2)
        self.put(self.text(result.sentence or "no reason given"), 4)
        place = f"{case.file}:{case.line}" if case.file else case.nodeid
        self.pairs([("case", place), ("evidence", self._path(result.evidence))], 4)

    def _harness(self) -> None:
        problems = self.run.harness_errors
        if not problems:
            return
        self.title(f"The harness failed ({len(problems)}); not the build's fault", "bold yellow")
        for problem in problems[:_SHOWN_CASES]:
            self.put(self.text(problem.where, "bold"), 2)
            self.put(self.text(problem.message), 4)

    def _reasons(self, title: str, outcome: Outcome) -> None:
        results = of_outcome(self.run, outcome)
        if not results:
            return
        self.title(f"{title} ({len(results)})", _STYLE[outcome])
        for reason, keys in by_reason(results).items():
            self.put(self.text(f"{reason}:"), 2)
            self.put(self.text(", ".join(keys), "dim"), 4)

    def _times(self) -> None:
        steps = sorted(self.run.setup_steps, key=lambda step: step.seconds, reverse=True)
        if not steps:
            return
        shown = [f"{step.name} {seconds(step.seconds)}" for step in steps[:_STEPS]]
        if rest := steps[_STEPS:]:
            shown.append(f"{plural(len(rest), 'shorter step')}")
        self.console.print()
        self.pairs([("set-up", ", ".join(shown))], 1)

    def _where(self) -> None:
        report = self._path("report.html") if self.artifacts is not None else ""
        if not self.run.setup_steps:
            self.console.print()
        self.pairs([("replay", self.run.info.replay), ("report", report)], 1)

    def _path(self, name: str) -> str:
        if self.artifacts is None or not name:
            return name
        path = self.artifacts / name
        below = os.path.relpath(path)
        return str(path) if below.startswith("..") else below
