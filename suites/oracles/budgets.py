"""Budgets: how slow, how wrong and how large is too much, as data with a reason each.

On a cluster whose processors are shared nobody can say how many microseconds are right, so there a
budget is a ratio to something measured in the same run; absolute figures are for machines of one's
own. What a budget cannot decide is undecided, never met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suites.oracles.ratio import Ratio, gate
from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping


class BadBudget(ValueError):  # noqa: N818 - it says what is bad
    """A budget that is not written as it has to be."""


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of one metric: `ratio` to the arm `over`, or at `most` so much of `unit`."""

    metric: str
    limit: float
    over: str = ""
    unit: str = ""
    why: str = ""

    @property
    def relative(self) -> bool:
        """Whether the limit is a ratio."""
        return bool(self.over)

    @classmethod
    def read(cls, metric: str, fields: Mapping[str, Any]) -> Budget:
        """Read one entry; raises `BadBudget`."""
        if ("ratio" in fields) == ("most" in fields) or ("ratio" in fields) != ("over" in fields):
            raise BadBudget(f"{metric}: give either 'over' and 'ratio', or 'most'")
        if unknown := sorted(set(fields) - {"over", "ratio", "most", "unit", "why"}):
            raise BadBudget(f"{metric}: unknown {', '.join(unknown)}")
        limit = fields.get("ratio", fields.get("most"))
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 0:
            raise BadBudget(f"{metric}: the limit is no number: {limit!r}")
        return cls(
            metric, float(limit), fields.get("over", ""), fields.get("unit", ""), fields["why"]
        )

    def judge(self, measured: float | Ratio | None) -> Judgement:
        """Judge a measurement: a `Ratio` for a relative budget, a number for another."""
        if self.relative:
            if isinstance(measured, int | float):
                raise TypeError(f"{self.metric} has a relative budget")
            return gate(measured, self.limit, f"{self.metric} against {self.over}")
        if measured is None:
            return undecided(f"{self.metric} was not measured")
        if isinstance(measured, Ratio):
            raise TypeError(f"{self.metric} has an absolute budget")
        unit = f" {self.unit}" if self.unit else ""
        sentence = f"{self.metric} is {measured:.4g}{unit}; the budget is {self.limit:g}{unit}"
        figures = {self.metric: float(measured)}
        return (right if measured <= self.limit else wrong)(sentence, figures=figures)


class Budgets:
    """The budgets of one kind of cluster, by load."""

    def __init__(self, loads: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """`loads` is {load: {metric: entry}}; raises `BadBudget` for what is wrong in it."""
        self._loads: dict[str, dict[str, Budget]] = {}
        for load, entries in loads.items():
            self._loads[load] = {}
            for metric, fields in entries.items():
                if not fields.get("why"):
                    raise BadBudget(f"{load}: {metric}: say why")
                self._loads[load][metric] = Budget.read(metric, fields)

    def of(self, load: str) -> list[Budget]:
        """Return the budgets of a load; raises KeyError for one that has none."""
        return list(self._loads[load].values())

    def get(self, load: str, metric: str) -> Budget:
        """Return one budget; raises KeyError where there is none."""
        return self._loads[load][metric]
