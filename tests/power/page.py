"""The recorded comparisons as docs/power.md."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from suites.load.versus import LIMITS
from tests.power.simulation import EXPERIMENTS, MOSTLY, power

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.power.samples import Compared
    from tests.power.simulation import Power

ENOUGH = 10
"""Runs a mode from which rates say something about comparisons."""

FACTORS = {"sync time": 1.25}
"""How much larger a figure is whose power is shown; 1.1 where it is not named here."""

HEAD = f"""# Power of comparisons

What `--kp-baseline` finds, and how often it is wrong. A build is compared with itself, so all that
LOAD-008 and LOAD-009 say against it is a false alarm; from what was measured {EXPERIMENTS:,}
comparisons are drawn for each figure, once as they are and once with the build's side made larger.
Made by `python -m tests.power`, on two processors that other work shared.

- *differs*: the 99% interval of the ratio leaves out 1, which the report says and nobody is failed
  for; of the same build (wrong), and of one that is larger by what is named (right).
- *fails*: the whole interval is beyond the limit; of the same build (wrong). *Undecided*: a part
  of it is, so that the case is inconclusive.
  With few runs both say more of those than of comparisons: what one was off by is in every
  comparison that is drawn from it.
- *sure to fail*: how many times as large a build has to be to fail in {MOSTLY:.0%} of comparisons.

"""

HEADER = (
    "| mode | figure | runs | pairs each | same: differs | same: fails | same: undecided "
    "| larger by | differs | limit | sure to fail |"
)


def page(entries: Sequence[Compared]) -> str:
    """Return the page; simulates."""
    lines = [HEAD.rstrip("\n"), "", *_few(entries), HEADER, "|" + "---|" * (HEADER.count("|") - 1)]
    for mode, name, found in simulated(entries):
        cells = (
            *(mode, name, found.runs, found.pairs),
            *(f"{found.differs_same:.1%}", f"{found.fails_same:.1%}"),
            f"{found.undecided_same:.1%}",
            *(f"{found.factor - 1:.0%}", f"{found.differs_factor:.1%}"),
            *(f"{found.limit:g}", f"{found.sure:.2f}"),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", "## Said against a build that was compared with itself", ""]
    said = [f"- {e.run.where}: {alarm}" for e in entries for alarm in e.run.alarms]
    return "\n".join(lines + (said or ["Nothing."])) + "\n"


def _few(entries: Sequence[Compared]) -> list[str]:
    """Say what the rates are about while the runs are too few."""
    counted = Counter(entry.run.mode for entry in entries)
    fewest = min(counted.values(), default=0)
    if fewest >= ENOUGH:
        return []
    runs = "one run" if fewest == 1 else f"{fewest} runs"
    return [
        f"No more than {runs} a mode so far: the columns *same* are about how far those were off,",
        "and no rates of error yet.",
        "",
    ]


def simulated(entries: Sequence[Compared]) -> Iterator[tuple[str, str, Power]]:
    """Go through modes and figures; a figure that no run has is left out."""
    for mode in dict.fromkeys(entry.run.mode for entry in entries):
        mine = [entry for entry in entries if entry.run.mode == mode]
        for name, limit in LIMITS.items():
            recorded = [entry.figures[name] for entry in mine if name in entry.figures]
            if recorded:
                yield mode, name, power(recorded, FACTORS.get(name, 1.1), limit)
