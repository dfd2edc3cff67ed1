"""`python -m tests.known_bugs`: each known bug where it is, and its absence where it is fixed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from clusters.protocol import MODES
from tests.bench import Bench
from tests.known_bugs.review import Review, Reviewed
from tests.known_bugs.sightings import SIGHTINGS, Sighting

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTIFACTS = Path("_artifacts/known-bugs")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.known_bugs", description=__doc__)
    made.add_argument("bugs", nargs="*", metavar="BUG", help="such as B20; default: all")
    made.add_argument("--mode", action="append", choices=MODES, help="default: all, one by one")
    made.add_argument("--list", action="store_true", help="print the commands and try nothing")
    made.add_argument("--artifacts", type=Path, default=ARTIFACTS, metavar="DIR")
    return made


def asked_for(bugs: Sequence[str], modes: Sequence[str]) -> list[Sighting]:
    """Return the sightings of these bugs and modes; none given means all of them."""
    wanted = {bug.upper() for bug in bugs}
    return [
        sighting
        for sighting in SIGHTINGS
        if (not wanted or sighting.bug in wanted) and (not modes or sighting.mode in modes)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Go through them; the status is 0 if each was seen, and not seen where it is fixed."""
    options = parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    sightings = asked_for(options.bugs, options.mode or ())
    unknown = {bug.upper() for bug in options.bugs} - {sighting.bug for sighting in SIGHTINGS}
    if unknown or not sightings:
        what = f"no sighting of {', '.join(sorted(unknown))}" if unknown else "none in these modes"
        console.print(f"{what}; see --list", markup=False)
        return 4
    if options.list:
        for sighting in sightings:
            console.print(f"{sighting}: {sighting.command}", markup=False, highlight=False)
        return 0
    done: list[Reviewed] = []
    for mode in MODES:
        mine = [sighting for sighting in sightings if sighting.mode == mode]
        if not mine:
            continue
        bench = Bench(mode, options.artifacts / mode)
        try:
            say = Review(bench, lambda text: console.print(text, markup=False, highlight=False))
            done += say.run(mine)
        finally:
            bench.close()
    console.print(table(done))
    return 0 if all(reviewed.good for reviewed in done) else 1


def table(done: Sequence[Reviewed]) -> Table:
    """Return the end of the run at a glance."""
    made = Table("bug", "mode", "build", "case", "seen", "fixed in", "clean there")
    for reviewed in done:
        sighting = reviewed.sighting
        made.add_row(
            sighting.bug,
            sighting.mode,
            f"{sighting.build} with the defect" if sighting.defect else sighting.build,
            sighting.case,
            "yes" if reviewed.seen else "NO",
            sighting.fixed or "none yet",
            ("yes" if reviewed.clean else "NO") if sighting.fixed else "",
        )
    return made


if __name__ == "__main__":
    sys.exit(main())
