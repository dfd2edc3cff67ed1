"""`python -m tests.steady`: judge unchanged builds again and again; count the false alarms."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from clusters.protocol import MODES
from reports.journal import load_run
from tests.mutation.defect import VERSION
from tests.steady.ledger import Kept, append, at_most, kept, read, rows
from tests.steady.page import page
from tests.suites import PYTEST, ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTIFACTS = Path("_artifacts/steady")
LONGEST = 5400.0
"""Seconds after which a run counts as one that hangs."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.steady", description=__doc__)
    made.add_argument("--mode", action="append", choices=MODES, help="default: all, in turns")
    made.add_argument("--build", action="append", metavar="VERSION", help=f"default: {VERSION}")
    made.add_argument("--runs", type=int, default=10, help="of each mode and build")
    made.add_argument(
        "--what", default="all cases", help="what the page calls this choice of cases"
    )
    made.add_argument("--artifacts", type=Path, default=ARTIFACTS, metavar="DIR")
    made.add_argument("--ledger", type=Path, metavar="FILE", help="default: in the artifacts")
    made.add_argument("--docs", type=Path, metavar="FILE", help="write the page of the ledger")
    made.add_argument("pytest", nargs="*", help="what follows -- goes to pytest")
    return made


def tree() -> str:
    """Return the commit of the suites, marked when it is not what ran."""
    argv = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def one(mode: str, build: str, options: argparse.Namespace) -> Kept:
    """Run the suites once and return what came of it."""
    artifacts = options.artifacts / f"{mode}-{build}"
    command = [*PYTEST, "--kp-mode", mode, "--kp-build", build, "--kp-artifacts", str(artifacts)]
    (artifacts / "run.jsonl").unlink(missing_ok=True)
    began, suites = time.monotonic(), tree()
    name = options.artifacts / f"{mode}-{build}.log"
    name.parent.mkdir(parents=True, exist_ok=True)
    with (
        name.open("w") as log,
        subprocess.Popen(
            [*command, *options.pytest], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        ) as running,
    ):
        try:
            running.wait(LONGEST)
        except (SystemExit, subprocess.TimeoutExpired):
            # It takes its cluster down before it ends.
            running.terminate()
            raise
    journal = artifacts / "run.jsonl"
    if not journal.exists():
        raise SystemExit(f"the suites did not run; see {name}")
    run = load_run(journal)
    entry = kept(run, tree=suites, what=options.what, seconds=time.monotonic() - began)
    if entry.alarms:
        # The next run writes into the same place, and this is what has to be looked at.
        artifacts.rename(artifacts.with_name(f"{artifacts.name}-{int(time.time())}"))
    return entry


def main(arguments: Sequence[str] | None = None) -> int:
    """Go round the modes and builds; the status is 0 if there was no alarm."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(soft_wrap=True, highlight=False)
    ledger = options.ledger or options.artifacts / "ledger.jsonl"
    alarmed = False
    for number in range(1, options.runs + 1):
        for build in options.build or [VERSION]:
            for mode in options.mode or MODES:
                entry = one(mode, build, options)
                append(ledger, entry)
                alarmed = alarmed or bool(entry.alarms)
                said = "; ".join(entry.alarms) or "no alarm"
                console.print(
                    f"{number}/{options.runs} {mode} {build}: {entry.judged} cases in "
                    f"{entry.seconds:.0f} s, {said}",
                    markup=False,
                )
    if options.docs:
        options.docs.write_text(page(read(ledger)))
    for row in rows(read(ledger)):
        bound = at_most(row.alarmed, row.runs)
        console.print(
            f"{row.mode} {row.build}, {row.what}: {row.alarmed} of {row.runs} runs with an alarm, "
            f"so at most {bound:.0%}",
            markup=False,
        )
    return 1 if alarmed else 0


if __name__ == "__main__":
    sys.exit(main())
