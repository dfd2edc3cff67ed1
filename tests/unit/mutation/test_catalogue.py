"""The catalogue of defects fits the cases, and trials are chosen as asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters.errors import ConfigError
from fixtures.catalog import cases
from tests.mutation.catalog import all_defects
from tests.mutation.defect import IPTABLES, Defect
from tests.mutation.equivalents import EQUIVALENTS
from tests.mutation.on_kind import ON_KIND
from tests.mutation.trials import Trial, check_catalogue, only, trials_of

DEFECT = Defect("a thing", ("iptables", "ipvs"), {IPTABLES: ("old", "new")}, ("SVC-001",))
OTHER = replace(DEFECT, name="another thing", modes=("nftables",))


def test_every_defect_is_a_cases_own() -> None:
    """The cases that are to find a defect exist and run in each of its modes."""
    check_catalogue(all_defects())
    modes = {case.id: case.modes for case, _ in cases()}
    for trial in (Trial(defect, mode) for defect in all_defects() for mode in defect.modes):
        able = [case for case in trial.defect.caught_by if trial.mode in modes.get(case, ())]
        assert able, f"{trial}: none of {trial.defect.caught_by} runs in this mode"
        unknown = set(trial.defect.caught_by) - set(modes)
        assert not unknown, f"{trial}: there is no case {unknown}"


def test_a_defect_changes_something_once() -> None:
    """No edit is none, and no defect is listed as an equivalent change of its mode as well."""

    def texts(defect: Defect) -> set[tuple[str, str]]:
        return {(mode, str(sorted(defect.edits.items()))) for mode in defect.modes}

    edits = {text for defect in all_defects() for text in texts(defect)}
    for defect in all_defects():
        assert all(old != new for old, new in defect.edits.values()), defect.name
    for equivalent in EQUIVALENTS:
        assert not texts(equivalent.defect) & edits, equivalent.defect.name
        assert equivalent.reason


def test_two_defects_of_a_mode_need_two_names() -> None:
    """Reports name a defect by its name and its mode."""
    with pytest.raises(ConfigError, match=r"two defects are called a thing \(iptables\)"):
        check_catalogue([DEFECT, DEFECT])
    check_catalogue([DEFECT, replace(DEFECT, modes=("nftables",))])


def test_a_defect_without_a_case_is_an_error() -> None:
    with pytest.raises(ConfigError, match="names no case"):
        check_catalogue([replace(DEFECT, caught_by=())])


def test_trials_are_by_mode() -> None:
    """One cluster serves one mode, so its trials stand together."""
    trials = trials_of([DEFECT, OTHER], ("iptables", "ipvs", "nftables"))
    assert [str(trial) for trial in trials] == [
        "a thing (iptables)",
        "a thing (ipvs)",
        "another thing (nftables)",
    ]


def test_only_takes_names_and_patterns() -> None:
    trials = trials_of([DEFECT, OTHER], ("ipvs", "nftables"))
    assert only(trials, ()) == trials
    assert [t.defect for t in only(trials, ["a thing"])] == [DEFECT]
    assert len(only(trials, ["*thing"])) == 2
    with pytest.raises(ConfigError, match="no defect of these modes is called a thin"):
        only(trials, ["a thin"])


def test_what_is_tried_on_kind_is_in_the_catalogue() -> None:
    assert set(ON_KIND) <= {defect.name for defect in all_defects()}


def test_a_trial_of_another_text_is_another() -> None:
    """What was found of a defect says nothing once the defect or its cases are changed."""
    key = Trial(DEFECT, "ipvs").key
    assert key == Trial(replace(DEFECT), "ipvs").key
    for changed in (
        replace(DEFECT, edits={IPTABLES: ("old", "newer")}),
        replace(DEFECT, caught_by=("SVC-002",)),
    ):
        assert Trial(changed, "ipvs").key != key
    assert Trial(DEFECT, "iptables").key != key
