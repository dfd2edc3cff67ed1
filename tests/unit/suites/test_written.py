"""Counts of what a change starts and writes, judged."""

from __future__ import annotations

from collections import Counter

import yaml

from fixtures.tool_calls import Calls
from suites.load.conftest import BUDGETS
from suites.load.test_versus import no_more
from suites.load.test_written import FEW, MANY, alone, few_tools, passed_by, typical
from suites.oracles.budgets import Budgets

BUDGETED = Budgets(yaml.safe_load(BUDGETS.read_text())["embedded"])


def calls(lines: int = 10, **tools: int) -> Calls:
    """Return what a change took."""
    return Calls(Counter(tools or {"nft": 1}), lines, 40 * lines)


def test_a_change_that_is_written_alone_is_right() -> None:
    assert alone({FEW: calls(10), MANY: calls(10)}, BUDGETED, "nftables").ok
    assert few_tools(calls(), BUDGETED, "nftables").ok


def test_what_a_mode_has_to_write_of_others_is_right_and_no_more() -> None:
    right = {FEW: calls(40), MANY: calls(40 + MANY - FEW)}
    assert alone(right, BUDGETED, "iptables").ok
    judged = alone({FEW: calls(40), MANY: calls(40 + 4 * (MANY - FEW))}, BUDGETED, "iptables")
    assert judged.ok is False
    assert "4 for each other Service; 1 is right" in judged.sentence
    assert alone(right, BUDGETED, "nftables").ok is False


def test_one_more_tool_among_more_services_is_wrong() -> None:
    judged = alone({FEW: calls(nft=3), MANY: calls(nft=4)}, BUDGETED, "nftables")
    assert judged.sentence == "one change started 1 tools more among 80 Services than 20"


def test_too_many_tools_are_named() -> None:
    judged = few_tools(calls(iptables=24, **{"iptables-restore": 1}), BUDGETED, "iptables")
    assert judged.ok is False
    assert "25 tools (24 iptables, 1 iptables-restore; 10 lines written)" in judged.sentence


def test_a_chain_that_grows_is_named() -> None:
    chains = {
        FEW: {"nat KUBE-SERVICES": 30, "nat X": 5},
        MANY: {"nat KUBE-SERVICES": 90, "nat X": 5},
    }
    assert passed_by(chains, BUDGETED, "iptables").ok
    judged = passed_by(chains, BUDGETED, "ipvs")
    assert judged.ok is False
    assert "1 rules in chain nat KUBE-SERVICES" in judged.sentence


def test_a_change_that_met_another_sync_is_not_the_one_that_counts() -> None:
    assert typical([calls(20, nft=2), calls(10), calls(10)]).lines == 10


def test_a_build_may_do_less_than_the_baseline_but_not_more() -> None:
    assert no_more("a change", calls(9), calls(10)).ok
    assert no_more("a change", calls(), calls()).ok
    judged = no_more("a change", calls(11, nft=2), calls(10))
    assert judged.ok is False
    assert judged.sentence == "a change took 2 nft instead of 1 and 11 lines written instead of 10"
