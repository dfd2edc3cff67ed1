"""`python -m tests.steady`: judge unchanged builds again and again; count the false alarms."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from clusters.protocol import MODES
from tests.mutation.defect import VERSION
from tests.steady.ledger import Kept, append, at_most, kept, read, rows
from tests.steady.page import page
from tests.suites import judge, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTIFACTS = Path("_artifacts/steady")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.steady", description=__doc__)
    made.add_argument(
        "--mode", action="append", choices=(*MODES, "all"), help="default: each by itself, in turns"
    )
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


def one(mode: str, build: str, options: argparse.Namespace) -> Kept:
    """Run the suites once and return what came of it."""
    began, suites = time.monotonic(), tree()
    run = judge(mode, build, options.artifacts, options.pytest)
    entry = kept(run, tree=suites, what=options.what, seconds=time.monotonic() - began)
    if entry.alarms:
        # The next run writes into the same place, and this is what has to be looked at.
        folder = options.artifacts / f"{mode}-{build}"
        folder.rename(folder.with_name(f"{folder.name}-{int(time.time())}"))
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
