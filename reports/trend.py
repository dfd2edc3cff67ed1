"""How figures go over the runs of a history, and from which run on one is another.

Figures are compared between runs of the same line of builds ("v1.37", or a path, as the user typed
it), mode, family, provider and configuration, and those that depend on the machine only with runs
on the same one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from reports import history
from reports.model import Trend
from reports.observations import shown
from reports.steps import FEWEST, Step, exact_steps, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reports.history import Entry
    from reports.model import Figure, Run

ALARM = 0.01
"""The chance that a history without any change is said to have one, over all its series."""

COUNT, TIMES = "count", "times"
PORTABLE = (COUNT, TIMES)
RECENT = 7
"""Runs back to which a change counts as new."""

SHOWN = 60


class Key(NamedTuple):
    """What runs have to have in common for a figure of theirs to be compared."""

    figure: str
    mode: str
    line: str
    family: str
    provider: str
    config: str
    machine: str


@dataclass(slots=True)
class Series:
    """A figure over the runs, the oldest first, and the steps that it made."""

    key: Key
    runs: list[Entry]
    steps: list[Step]

    @property
    def figures(self) -> list[Figure]:
        """The figure as each run measured it."""
        return [entry.figures[self.key.figure] for entry in self.runs]

    @property
    def values(self) -> list[float]:
        """Its values."""
        return [figure.value for figure in self.figures]

    @property
    def unit(self) -> str:
        """Its unit, as the last run has it."""
        return self.figures[-1].unit

    @property
    def name(self) -> str:
        """The figure, and what else the series is of."""
        return f"{self.key.figure} ({self.key.mode}, kube-proxy {self.key.line})"

    def recent(self, runs: int = RECENT) -> list[Step]:
        """Return the steps that its last `runs` runs made."""
        return [step for step in self.steps if step.at >= len(self.runs) - runs]

    def tell(self, step: Step) -> str:
        """Say which figure changed, how, in which run, and what else was new in that run."""
        old, new = self.runs[step.at - 1], self.runs[step.at]
        unit = "" if self.unit == COUNT else f" {self.unit}"
        chance = "exact" if self.unit == COUNT else f"p = {step.p:.1g}"
        return (
            f"{self.name}: {shown(step.before)} to {shown(step.after)}{unit} ({how(step)}, "
            f"{chance}) since run {new.run} of {new.at:%Y-%m-%d %H:%M} with {named(new)}"
            f"{_beside(old, new)}"
        )


def how(step: Step) -> str:
    """Say by how much a figure changed."""
    if not step.before:
        return "from nothing"
    return f"{step.share:+.0%}" if step.share < 10 else f"{step.after / step.before:.0f}-fold"


def named(entry: Entry) -> str:
    """Name the build of a run."""
    build = entry.build
    digest = f" (sha256 {build.sha256[:12]})" if build.sha256 else ""
    return f"kube-proxy {build.version or build.source}{digest}"


def _beside(old: Entry, new: Entry) -> str:
    """Say what was new in a run beside the figure."""
    facts = {
        "build": (old.build.sha256 or old.build.version, new.build.sha256 or new.build.version),
        "Kubernetes": (old.control_plane, new.control_plane),
        "etcd": (old.etcd, new.etcd),
        "the nodes' kernel": (", ".join(old.kernels), ", ".join(new.kernels)),
        "the suite": (old.suite, new.suite),
        "the machine's kernel": (old.machine.kernel, new.machine.kernel),
        "the processor": (old.machine.model, new.machine.model),
    }
    changed = [name for name, (was, now) in facts.items() if was != now]
    if "build" in changed:
        was = old.build.version or old.build.source
        changed[0] = f"the build, before it {was}"
        if old.build.sha256:
            changed[0] += f" (sha256 {old.build.sha256[:12]})"
    return f"; new in it: {', '.join(changed)}" if changed else "; nothing else is known to be new"


def key_of(entry: Entry, figure: str) -> Key:
    """Return what a figure of a run is compared by."""
    own = entry.machine
    portable = entry.figures[figure].unit in PORTABLE
    return Key(
        figure,
        entry.mode,
        entry.build.source,
        entry.family,
        entry.provider,
        json.dumps(entry.config, sort_keys=True) if entry.config else "",
        "" if portable else f"{own.processors} x {own.model}",
    )


def series_of(entries: Iterable[Entry], alarm: float = ALARM) -> list[Series]:
    """Return every series with its steps.

    Noisy series share the chance of a false alarm among them (Bonferroni); exact ones have none.
    """
    groups: dict[Key, list[Entry]] = {}
    for entry in entries:
        for figure in entry.figures:
            groups.setdefault(key_of(entry, figure), []).append(entry)
    made = [Series(key, runs, []) for key, runs in groups.items()]
    noisy = [one for one in made if one.unit != COUNT and len(one.runs) >= 2 * FEWEST]
    for one in made:
        if one.unit == COUNT:
            one.steps = exact_steps(one.values)
    for one in noisy:
        one.steps = steps(one.values, alarm / len(noisy))
    return made


def worse(series: Iterable[Series], recent: int = RECENT) -> list[tuple[Series, Step]]:
    """Return the steps upwards of the last runs: less is better of every figure."""
    return [(one, step) for one in series for step in one.recent(recent) if step.share > 0]


def as_trend(one: Series, last: int = SHOWN) -> Trend:
    """Return a series as the page draws it."""
    skipped = max(0, len(one.runs) - last)
    recent = one.steps[-1:]
    return Trend(
        name=one.name,
        unit=one.unit,
        values=one.values[skipped:],
        labels=[f"{e.at:%Y-%m-%d %H:%M} {named(e)}" for e in one.runs[skipped:]],
        steps=[step.at - skipped for step in one.steps if step.at > skipped],
        sentence=one.tell(recent[0]) if recent else "",
    )


def with_trends(run: Run, path: Path) -> Run:
    """Return a run with the trends of its own figures; raises as `history.read` does."""
    series = series_of(history.read(path)) if path.exists() else []
    own = [one for one in series if one.runs[-1].run == run.info.id and len(one.runs) > 1]
    own.sort(key=lambda one: (not one.recent(), not one.steps))
    return run.model_copy(update={"trends": [as_trend(one) for one in own]})


def table(series: Sequence[Series]) -> list[tuple[str, str, str, str, str]]:
    """Return a row for each series: name, unit, runs, last value, and what changed last."""
    rows = []
    for one in series:
        values = one.values
        change = one.steps[-1] if one.steps else None
        rows.append(
            (
                one.name,
                one.unit,
                str(len(values)),
                shown(values[-1]),
                f"{how(change)} since {one.runs[change.at].run}" if change else "",
            )
        )
    return rows
