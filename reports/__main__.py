"""Reports from journals: `python -m reports render RUN.jsonl`, `merge A B`, `trend HISTORY.jsonl`.

The exit status says whether the reports were written (0), could not be written (3), or the command
or a journal was wrong (4); the verdict of the runs is in the reports. With `trend` it is 1 when a
figure has become worse lately.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.table import Table

from reports import trend
from reports.bundle import write_all
from reports.history import HistoryError
from reports.history import read as read_history
from reports.html import write_trends
from reports.journal import JournalError, load_run
from reports.junit import write_junit_of
from reports.merge import write_merged
from reports.terminal import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.model import Run


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse ends with 2, which means inconclusive here; usage is 4.
        self.exit(4, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    asked = _parser().parse_args(arguments)
    if asked.command == "trend":
        return _trend(asked)
    try:
        runs = [load_run(journal) for journal in asked.journals]
    except (JournalError, OSError) as error:
        return _complain(error, 4)
    out = asked.out or asked.journals[0].parent
    try:
        if asked.command == "render" and asked.history:
            runs = [trend.with_trends(runs[0], asked.history)]
        if asked.command == "merge":
            return _merge(runs, out)
        if asked.svg:
            _picture(runs[0], asked.svg, out)
        return _render(runs[0], out)
    except (HistoryError, OSError) as error:
        return _complain(error, 3)


def _trend(asked: argparse.Namespace) -> int:
    """Print how the figures of a history go, and tell whether one has become worse lately."""
    try:
        series = trend.series_of(read_history(asked.history))
    except (HistoryError, OSError) as error:
        return _complain(error, 4)
    series = [one for one in series if fnmatch(one.key.figure, asked.figure)]
    console = Console(soft_wrap=True, highlight=False)
    table = Table("figure", "unit", "runs", "last", "latest change", box=None)
    for row in trend.table(series):
        table.add_row(*row)
    console.print(table)
    for one in series:
        for step in one.recent(asked.recent):
            word = "WORSE" if step.share > 0 else "better"
            console.print(f"{word}: {one.tell(step)}", markup=False)
    if asked.html:
        try:
            write_trends([trend.as_trend(one) for one in series], asked.html)
        except OSError as error:
            return _complain(error, 3)
    return 1 if trend.worse(series, asked.recent) else 0


def _complain(error: Exception, status: int) -> int:
    line = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
    sys.stderr.write(f"python -m reports: {line}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m reports", description="Write reports from journals of runs.")
    commands = parser.add_subparsers(dest="command", required=True)
    render_ = commands.add_parser("render", help="rebuild all reports of a run, also a killed one")
    render_.add_argument("journals", type=Path, nargs=1, metavar="RUN.jsonl")
    render_.add_argument("--out", type=Path, metavar="DIR", help="default: beside the journal")
    render_.add_argument("--svg", type=Path, metavar="FILE", help="the summary as a picture too")
    render_.add_argument(
        "--history", type=Path, metavar="FILE", help="draw the run's figures over those before it"
    )
    trend_ = commands.add_parser(
        "trend", help="how figures go from run to run; the status is 1 when one became worse lately"
    )
    trend_.add_argument("history", type=Path, metavar="HISTORY.jsonl")
    trend_.add_argument(
        "--recent",
        type=int,
        default=trend.RECENT,
        metavar="N",
        help=f"runs that a change is new for (default {trend.RECENT})",
    )
    trend_.add_argument(
        "--figure", default="*", metavar="PATTERN", help="only these, such as 'LOAD-010 *'"
    )
    trend_.add_argument("--html", type=Path, metavar="FILE", help="write a page with the pictures")
    merge = commands.add_parser("merge", help="one page over several runs, case by case")
    merge.add_argument("journals", type=Path, nargs="+", metavar="RUN.jsonl")
    merge.add_argument("--out", type=Path, metavar="DIR", required=True)
    return parser


def _render(run: Run, out: Path) -> int:
    told = write_all(run, out)
    render(told, Console(), artifacts=out)
    return 3 if len(told.harness_errors) > len(run.harness_errors) else 0


def _picture(run: Run, path: Path, out: Path) -> None:
    console = Console(record=True, width=84, file=io.StringIO(), force_terminal=True)
    render(run, console, artifacts=out)
    console.print()
    # The fonts of the stock format are fetched from a server; any monospaced one will do.
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    level = re.search(r"--kp-level[= ]\w+", run.info.command)
    title = "tox -e " + (run.info.mode or "proxyproof") + (f" -- {level[0]}" if level else "")
    console.save_svg(str(path), title=title, code_format=form)


def _merge(runs: Sequence[Run], out: Path) -> int:
    write_merged(runs, out / "report.html")
    write_junit_of(runs, out / "junit.xml")
    Console().print(f"{out / 'report.html'}", highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
