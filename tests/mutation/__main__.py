"""`python -m tests.mutation`: make defects in kube-proxy's source and see which case finds each."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from clusters.errors import ProxyproofError
from clusters.protocol import MODES
from tests.bench import BenchError
from tests.mutation.campaign import Campaign, Plan
from tests.mutation.catalog import all_defects
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.figures import figures_of
from tests.mutation.ledger import Ledger
from tests.mutation.on_kind import ON_KIND
from tests.mutation.outcome import Fate
from tests.mutation.report import KIND_HEAD, as_json, as_markdown, summary, table
from tests.mutation.trials import Trial, check_catalogue, only, trials_of
from tests.suites import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

AGAIN = {fate.name.lower(): fate for fate in Fate}
ARTIFACTS = Path("_artifacts/mutation")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    made.add_argument("--mode", action="append", choices=MODES, help="default: all, one by one")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="names or patterns")
    made.add_argument("--list", action="store_true", help="say what would be tried")
    made.add_argument("--report", action="store_true", help="try nothing, write what is known")
    made.add_argument("--jobs", type=int, default=1, help="modes at the same time (default 1)")
    made.add_argument(
        "--whole", action="store_true", help="run all cases, to see who else finds it"
    )
    made.add_argument(
        "--again",
        nargs="*",
        choices=AGAIN,
        metavar="FATE",
        help=f"try again what has a result, or what has this one ({', '.join(AGAIN)})",
    )
    made.add_argument("--minutes", type=float, help="begin no trial later; the next run goes on")
    made.add_argument(
        "--cluster", default="", metavar="RUN", help="judge on this kept cluster, of one mode"
    )
    made.add_argument(
        "--kind",
        action="store_true",
        help="judge on kind clusters, one for each trial; without --only, a defect of each sort",
    )
    made.add_argument("--artifacts", type=Path, default=ARTIFACTS, metavar="DIR")
    made.add_argument("--ledger", type=Path, metavar="FILE", help="default: in the artifacts")
    made.add_argument("--docs", type=Path, metavar="FILE", help="write the Markdown here as well")
    return made


def open_trials(
    trials: Sequence[Trial], ledger: Ledger, again: Sequence[str] | None
) -> list[Trial]:
    """Return those that have no result yet, or one that is asked for again.

    Undecided is no result: something stood in the way that may be gone.
    """
    if again is not None and not again:
        return list(trials)
    fates = {Fate.UNDECIDED, *(AGAIN[name] for name in again or ())}
    known = ledger.results
    return [t for t in trials if t.key not in known or known[t.key].fate in fates]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the defects; the status is 0 if enough of them were found."""
    options = parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    modes = [mode for mode in MODES if not options.mode or mode in options.mode]
    if options.cluster and len(modes) != 1:
        console.print("--cluster is of one mode: give --mode as well")
        return 4
    if options.cluster and options.kind:
        console.print("--cluster is of embedded clusters: leave out --kind")
        return 4
    try:
        check_catalogue(all_defects())
        trials = only(trials_of(all_defects(), modes), options.only)
    except ProxyproofError as error:
        console.print(str(error), markup=False)
        return 4
    if options.kind and not options.only:
        trials = [trial for trial in trials if trial.defect.name in ON_KIND]
    options.artifacts.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options.ledger or options.artifacts / "results.jsonl")
    todo = open_trials(trials, ledger, options.again)
    if options.list:
        for trial in trials:
            state = "to do" if trial in todo else ledger.results[trial.key].fate
            console.print(f"{state}: {trial} -> {', '.join(trial.defect.caught_by)}", markup=False)
        return 0
    if not options.report:
        try_all(todo, ledger, options, console)
    return report(trials, ledger, options, console)


def try_all(
    todo: Sequence[Trial], ledger: Ledger, options: argparse.Namespace, console: Console
) -> None:
    """Run the campaign of each mode that has something to do."""
    lock, stop = threading.Lock(), threading.Event()
    deadline = time.monotonic() + options.minutes * 60 if options.minutes else float("inf")
    plan = Plan(
        options.artifacts, options.whole, deadline, options.cluster, kind=options.kind, stop=stop
    )

    def say(text: str) -> None:
        with lock:
            console.print(text, markup=False, highlight=False)

    def campaign(mode: str, builders: ThreadPoolExecutor) -> None:
        mine = [trial for trial in todo if trial.mode == mode]
        try:
            Campaign(mine[0].mode, ledger, builders, plan, say).run(mine)
        except BenchError as error:
            say(f"{mode} mode: without a control run no trial shows anything: {error}")

    # The clusters that are kept between trials have to be removed first, also when killed.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    modes = list(dict.fromkeys(trial.mode for trial in todo))
    with ThreadPoolExecutor(1) as builders, ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for done in [pool.submit(campaign, mode, builders) for mode in modes]:
            done.result()


def report(
    trials: Sequence[Trial], ledger: Ledger, options: argparse.Namespace, console: Console
) -> int:
    """Print and write what is known of these trials."""
    results = ledger.of(trials)
    console.print(table(results))
    console.print(summary(results), markup=False)
    if missing := len(trials) - len(results):
        console.print(f"{missing} trials are still to do: run this again")
    (options.artifacts / "results.json").write_text(as_json(results))
    if options.kind:
        markdown = as_markdown(results, missing=missing, head=KIND_HEAD)
    else:
        markdown = as_markdown(results, EQUIVALENTS, missing=missing)
    (options.artifacts / "sensitivity.md").write_text(markdown)
    if options.docs:
        (ROOT / options.docs).write_text(markdown)
    return 0 if not missing and figures_of(results)[-1].enough else 1


if __name__ == "__main__":
    sys.exit(main())
