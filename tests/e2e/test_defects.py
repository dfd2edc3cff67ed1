"""A changed kube-proxy, or a node broken by hand, fails the right case; a good build passes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from clusters.parts.overlay import build_changed
from clusters.parts.progress import PlainProgress
from clusters.protocol import MODES
from tests.mutation.catalog import all_defects
from tests.mutation.defect import VERSION, Defect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import SuiteRun

LOSE = "iptables-legacy -t raw -A PREROUTING -m statistic --mode nth --every 50 -j DROP"
STRANGE = """
nft add table ip strange
nft 'add chain ip strange pre { type nat hook prerouting priority -150; }'
nft 'add rule ip strange pre ip daddr 10.96.0.0/16 tcp dport 80 numgen inc mod 20 == 0 \
  dnat to 172.18.200.1:80'
"""

SABOTAGE = {
    "one packet in fifty is lost": (LOSE, "iptables-legacy -t raw -F PREROUTING", "SVC-001"),
    "a stranger answers": (STRANGE, "nft delete table ip strange", "SVC-001"),
}


@pytest.mark.timeout(600, func_only=True)
def test_good_build_passes(kept: tuple[str, str, SuiteRun]) -> None:
    """An unchanged upstream build passes, and the run's reports say so."""
    _, _, run = kept
    assert run.status == 0, run.output
    assert run.failed() == set()
    assert run.outcomes()["SVC-001"] == {"passed"}
    assert run.junit().find(".//failure") is None


def defects_of(mode: str) -> list[Defect]:
    """Return CI's defects of one mode."""
    return [defect for defect in all_defects() if defect.in_ci and mode in defect.modes]


@pytest.mark.timeout(1800, func_only=True)
@pytest.mark.parametrize("number", range(max(len(defects_of(m)) for m in MODES)))
def test_changed_build_fails(
    kept: tuple[str, str, SuiteRun], reuse: Callable[..., SuiteRun], number: int
) -> None:
    """Each seeded defect fails the case that is about it, and no harness error hides it."""
    mode = kept[0]
    defects = defects_of(mode)
    if number >= len(defects):
        pytest.skip(f"{mode} has {len(defects)} seeded defects")
    defect = defects[number]
    build = build_changed(VERSION, defect.edits, PlainProgress(sys.stderr))
    run = reuse(defect.caught_by, "--kp-build", str(build))
    assert run.status == 1, f"{defect.name} was not found:\n{run.output}"
    assert set(defect.caught_by) & run.failed(), run.output


@pytest.mark.timeout(600, func_only=True)
@pytest.mark.parametrize("name", SABOTAGE)
def test_broken_node_fails(reuse: Callable[..., SuiteRun], name: str) -> None:
    """A node that somebody broke by hand fails the case that sees it."""
    break_it, mend_it, caught_by = SABOTAGE[name]
    sabotage = ("-p", "tests.e2e.sabotage")
    try:
        run = reuse([caught_by], *sabotage, PROXYPROOF_SABOTAGE=break_it)
    finally:
        mended = reuse([caught_by], *sabotage, PROXYPROOF_SABOTAGE=mend_it)
    assert run.status == 1, run.output
    assert caught_by in run.failed(), run.output
    assert mended.status == 0, mended.output
