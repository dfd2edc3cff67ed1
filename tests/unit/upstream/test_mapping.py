"""The table of specs and cases is whole, names cases that there are, and selects what it means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.upstream.mapping import SPECS, focus, skip, text_of

CASES = Path(__file__).resolve().parents[3] / "docs/cases.md"


def test_every_case_exists() -> None:
    """A spec is never compared with a case that was renamed or removed."""
    known = set(re.findall(r"^\| ([A-Z]+-\d+) \|", CASES.read_text(), re.MULTILINE))
    assert {case for spec in SPECS for case in spec.cases} <= known


def test_every_spec_has_cases_or_a_reason() -> None:
    """What is not compared says why, and each spec is there once."""
    for spec in SPECS:
        assert sum(map(bool, (spec.cases, spec.why, spec.skip))) == 1, spec.text
    assert len({spec.text for spec in SPECS}) == len(SPECS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "[It] [sig-network] Services should be rejected when no endpoints exist",
            "should be rejected when no endpoints exist",
        ),
        (
            "[It] [sig-network] Services should release NodePorts on delete [sig-network]",
            "should release NodePorts on delete",
        ),
        (
            (
                "[sig-network] Services should have session affinity work for NodePort service "
                "[LinuxOnly] [Conformance] [sig-network, Conformance]"
            ),
            "should have session affinity work for NodePort service",
        ),
        ("[It] [sig-network] Service endpoints latency should not be very high", ""),
        ("[SynchronizedBeforeSuite]", ""),
    ],
)
def test_texts(name: str, text: str) -> None:
    """Names of reports come with suite, kind and labels, in any number."""
    assert text_of(name) == text


def test_what_is_selected() -> None:
    """The suite's specs and no other's; of one whose text begins another's, that one alone."""
    latency = "[sig-network] Service endpoints latency should not be very high"
    by_text = {spec.text: spec for spec in SPECS}
    short = "should serve endpoints on same port and different protocol"
    names = [f"[sig-network] Services {text}" for text in by_text]
    assert all(re.search(focus(), name) for name in names)
    assert not re.search(focus(), latency)
    one = focus([by_text[f"{short}s"]])
    assert [name for name in names if re.search(one, name)] == [f"[sig-network] Services {short}s"]
    assert re.search(one, f"Kubernetes e2e suite [sig-network] Services {short}s [Conformance]")


def test_what_is_skipped() -> None:
    """Just what has a reason to be."""
    names = {f"[sig-network] Services {spec.text} [Disruptive]": bool(spec.skip) for spec in SPECS}
    assert any(names.values())
    assert {name: bool(re.search(skip(), name)) for name in names} == names
