"""Samples: recorded, merged, written and read without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.load.samples import HIGHEST, Generator, Histogram, Samples

if TYPE_CHECKING:
    from pathlib import Path


def histogram(*values: int) -> Histogram:
    made = Histogram()
    for value in values:
        made.record(value)
    return made


def test_quantiles_are_right_to_three_digits() -> None:
    """Of 1 to 1,000 µs the percentiles are what they should be, within a thousandth."""
    made = histogram(*(us * 1000 for us in range(1, 1001)))
    assert made.count == 1000
    for percent in (10, 50, 90, 99):
        assert made.quantile(percent) == pytest.approx(percent * 10_000, rel=0.002, abs=256)


def test_merging_is_as_good_as_recording_together() -> None:
    """Percentiles of merged histograms are those of all samples."""
    low, high = range(1000, 90_000, 977), range(50_000, 9_000_000, 31_337)
    merged = Histogram.of([histogram(*low), histogram(*high)])
    together = histogram(*low, *high)
    assert merged.curve() == together.curve()
    assert merged.count == together.count


def test_what_is_too_long_counts_as_the_longest() -> None:
    """A sample beyond the range is kept, not lost."""
    assert histogram(10 * HIGHEST).quantile(50) == pytest.approx(HIGHEST, rel=0.01)


def test_empty() -> None:
    """Nothing recorded is nothing, not an error."""
    assert (Histogram().count, Histogram().quantile(99), Histogram().mean) == (0, 0.0, 0.0)


def full() -> Samples:
    made = Samples()
    made.started = 1000.0
    made.targets = {"service": "tcp://10.0.0.1:80"}
    made.late.record(20_000)
    for number in range(3):
        block = made.block("service", number)
        block.sent += 2
        block.record("connect", 100_000 * (number + 1))
        block.backends["ns/pod"] += 1
        made.fail(number, "service", number, "timeout")
    made.generators["local"] = Generator(1.5, 3.0)
    return made


def test_written_and_read(tmp_path: Path) -> None:
    """What was written is read again, to the last count."""
    made = full()
    made.write(tmp_path / "samples.json")
    read = Samples.load(tmp_path / "samples.json")
    assert read.plain() == made.plain()
    assert read.generators["local"].load == 0.5
    assert not list(tmp_path.glob("*.part"))


def test_unknown_version_is_refused() -> None:
    """A file of another version is not guessed at."""
    with pytest.raises(ValueError, match="version 7"):
        Samples.read({"version": 7})


def test_workers_add_up() -> None:
    """Two workers' rounds meet; generators stay apart."""
    one, other = full(), full()
    other.generators = {"other": Generator(1.0, 1.0)}
    one.add(other)
    total = one.total("service")
    assert (total.sent, total.failed["timeout"], total.backends["ns/pod"]) == (12, 6, 6)
    assert [number for number, _ in one.rounds("service")] == [0, 1, 2]
    assert set(one.generators) == {"local", "other"}
    assert len(one.failures) == 6
