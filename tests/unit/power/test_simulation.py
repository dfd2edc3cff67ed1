"""What is drawn from recorded rounds tells how often a comparison is right."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from reports.model import CaseInfo, CaseResult, Outcome, Run, RunInfo
from suites.load.versus import BY_PAIR, Crossover
from tests.power.page import page
from tests.power.samples import Compared, Rounds, append, measured, read
from tests.power.simulation import drawn, power
from tests.steady.ledger import kept

if TYPE_CHECKING:
    from pathlib import Path


FEW = 200


def noisy(noise: float, *, bias: float = 1.0, count: int = 40, seed: int = 1) -> Rounds:
    """Return pairs of one build and itself; `noise` is the spread of a round's log ratio."""
    random = np.random.default_rng(seed)
    return Rounds([(float(bias * np.exp(log)), 1.0) for log in random.normal(0.0, noise, count)])


def test_drawn_pairs_keep_their_neighbours() -> None:
    """As many as there were, two consecutive ones at a time, the last before the first."""
    numbers = [(float(n), 1.0) for n in range(10)]
    rounds = drawn(Rounds(numbers, numbers), np.random.default_rng(3))
    assert rounds.pairs == rounds.controls
    found = [int(a) for a, _ in rounds.pairs]
    assert len(found) == 10
    assert all((b - a) % 10 == 1 for n, (a, b) in enumerate(pairwise(found), 1) if n % 2)


def test_quiet_rounds_find_a_tenth() -> None:
    """A spread of 5% over 40 rounds tells 1.10 from 1, and never fails what is the same."""
    found = power([noisy(0.05)], 1.10, 1.10, experiments=FEW)
    assert found.differs_factor > 0.95
    assert found.fails_same == 0.0
    assert found.undecided_same < 0.01
    assert 1.1 < found.sure < 1.2
    assert (found.runs, found.pairs) == (1, 40)


def test_noisy_rounds_do_not() -> None:
    """A spread of 60% hides a tenth."""
    assert power([noisy(0.6)], 1.10, 1.10, experiments=FEW).differs_factor < 0.7


def test_controls_find_what_noise_hides() -> None:
    """Where the noise floor has the same noise, a tenth is found all the same."""
    rounds = noisy(0.6)
    controlled = Rounds(rounds.pairs, [(2 * a, b + 1) for a, b in rounds.pairs])
    assert power([controlled], 1.10, 1.10, experiments=FEW).differs_factor > 0.95


def test_a_run_that_is_off_is_a_false_alarm() -> None:
    """Where one side of the same build is 20% larger all through, that is what is seen."""
    found = power([noisy(0.05, bias=1.2)], 1.10, 1.10, experiments=FEW)
    assert found.differs_same > 0.95
    assert found.fails_same > 0.95


def test_too_few_rounds() -> None:
    """Nothing is simulated from pairs of which no interval can be made."""
    with pytest.raises(ValueError, match="3 pairs"):
        power([noisy(0.1, count=3)], 1.1, 1.1, experiments=1)


def test_a_run_is_kept_and_shown(tmp_path: Path) -> None:
    """The pairs come back out of what the case observed, and what was said is on the page."""
    crossing = Crossover([(1.0, 2.0), (2.0, 1.0), (2.0, 1.0), (1.0, 2.0)] * 6)
    floor = Crossover([(1.0, 1.0), (4.0, 4.0)] * 12)
    result = CaseResult(
        case=CaseInfo(id="LOAD-009", name="x", summary="x", profile="load"),
        outcome=Outcome.FAILED,
        sentence="CPU is larger",
        observations={
            f"CPU{BY_PAIR}": crossing.chart("s"),
            "CPU": {"differs": "yes"},
            f"connect p50{BY_PAIR}": crossing.chart("s", floor=floor),
        },
    )
    info = RunInfo(id="1", started=datetime(2026, 1, 1, tzinfo=UTC), mode="ipvs")
    file = tmp_path / "samples.jsonl"
    run = Run(info=info, results=[result])
    append(file, Compared(kept(run, tree="abc", what="x", seconds=1), measured(run)))
    (entry,) = read(file)
    assert entry.figures["CPU"] == Rounds(crossing.pairs())
    assert entry.figures["connect p50"].pairs == crossing.pairs()
    assert entry.figures["connect p50"].controls == floor.pairs()
    assert entry.run.alarms == ["LOAD-009 failed: CPU is larger"]
    written = page([entry])
    assert "| ipvs | CPU | 1 | 12 | 100.0% | 0.0% | 0.0% |" in written
    assert "LOAD-009 failed: CPU is larger" in written
