"""`python -m tests.power`: compare a build with itself, and tell what such comparisons find."""

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
from tests.power.page import page
from tests.power.samples import Compared, append, measured, read
from tests.steady.ledger import kept
from tests.suites import judge, tree

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTIFACTS = Path("_artifacts/power")
CASES = "LOAD-008,LOAD-009"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.power", description=__doc__)
    made.add_argument("--mode", action="append", choices=MODES, help="default: all, in turns")
    made.add_argument("--build", default=VERSION, metavar="VERSION", help=f"default: {VERSION}")
    made.add_argument("--runs", type=int, default=1, help="of each mode; 0 only writes the page")
    made.add_argument("--artifacts", type=Path, default=ARTIFACTS, metavar="DIR")
    made.add_argument("--samples", type=Path, metavar="FILE", help="default: in the artifacts")
    made.add_argument("--docs", type=Path, metavar="FILE", help="write the page here")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare in turns; the status is 0 if nothing was said against the build."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(soft_wrap=True, highlight=False)
    samples = options.samples or options.artifacts / "samples.jsonl"
    alarmed = False
    for number in range(1, options.runs + 1):
        for mode in options.mode or MODES:
            which = ["--kp-baseline", options.build, "--kp-cases", CASES]
            began, suites = time.monotonic(), tree()
            run = judge(mode, options.build, options.artifacts, which)
            entry = kept(run, tree=suites, what=CASES, seconds=time.monotonic() - began)
            append(samples, Compared(entry, measured(run)))
            alarmed = alarmed or bool(entry.alarms)
            said = "; ".join(entry.alarms) or "nothing against it"
            console.print(f"{number}/{options.runs} {mode}: {said}", markup=False)
    text = page(read(samples))
    console.print(text, markup=False)
    if options.docs:
        options.docs.write_text(text)
    return 1 if alarmed else 0


if __name__ == "__main__":
    sys.exit(main())
