"""Budgets: what they read, and what they judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from suites.oracles.budgets import BadBudget, Budget, Budgets
from suites.oracles.ratio import Ratio

SHIPPED = Path(__file__).parents[3] / "suites" / "load" / "budgets.yaml"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ratio": 2.0},
        {"over": "direct"},
        {"over": "direct", "ratio": 2.0, "most": 1},
        {"most": "much"},
        {"most": True},
        {"most": -1},
        {"most": 1, "else": 2},
    ],
)
def test_bad_budgets_are_refused(fields: dict[str, Any]) -> None:
    """A budget is a ratio to something or a number, and nothing else."""
    with pytest.raises(BadBudget):
        Budget.read("it", {**fields, "why": "so"})


def test_a_budget_has_a_reason() -> None:
    """Numbers without a reason cannot be argued with."""
    with pytest.raises(BadBudget, match="say why"):
        Budgets({"tcp": {"failed share": {"most": 0}}})


@pytest.mark.parametrize(("value", "ok"), [(9.0, True), (10.0, True), (10.1, False), (None, None)])
def test_absolute(value: float | None, ok: bool | None) -> None:  # noqa: FBT001
    """Up to the limit is within it; what was not measured is undecided."""
    judgement = Budget("memory", 10.0, unit="MiB").judge(value)
    assert judgement.ok is ok


def test_absolute_says_the_unit() -> None:
    """The sentence has figure, unit and budget."""
    said = Budget("memory", 10.0, unit="MiB").judge(12.345).sentence
    assert said == "memory is 12.35 MiB; the budget is 10 MiB"


def test_relative() -> None:
    """A ratio is judged by its whole interval."""
    budget = Budget("connect p50", 2.0, over="direct")
    assert budget.judge(Ratio(1.5, 1.4, 1.6, 20)).ok is True
    assert budget.judge(Ratio(2.5, 2.2, 2.9, 20)).ok is False
    assert budget.judge(None).ok is None
    with pytest.raises(TypeError):
        budget.judge(1.5)


def test_shipped_budgets_are_good() -> None:
    """The file of the suite reads, each with a reason."""
    for loads in yaml.safe_load(SHIPPED.read_text()).values():
        budgets = Budgets(loads)
        assert all(budgets.of(load) for load in loads)


@pytest.mark.parametrize("kind", ["kind", "existing"])
def test_every_cluster_has_the_budgets_of_its_cases(kind: str) -> None:
    """Only what needs the tools' calls, or a kernel of the node's own, is for embedded ones."""
    shipped = yaml.safe_load(SHIPPED.read_text())
    assert set(shipped["embedded"]) - set(shipped[kind]) == {"written"}
    for load, budgets in shipped["embedded"].items():
        missing = set(budgets) - set(shipped[kind].get(load, budgets))
        assert all("60,000 flows" in metric for metric in missing), (load, missing)
