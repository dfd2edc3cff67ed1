"""The trial of the machine's own kernel, which must find what the kernel lacks and nothing else."""

from __future__ import annotations

import os
import shutil

import pytest

from clusters.embedded import host_kernel
from clusters.protocol import MODES, Mode

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nft") is None,
    reason="needs root, unshare and nft",
)


@needs_root
@pytest.mark.parametrize("mode", MODES)
def test_the_trials_are_well_formed(mode: Mode) -> None:
    """What a trial reports is the kernel's lack, never a mistake in the trial's own text."""
    said = " ".join(host_kernel.missing(mode))
    for mistake in ("syntax error", "line", "Bad argument", "unknown option"):
        assert mistake not in said, said


@needs_root
def test_a_part_that_no_kernel_has_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial that fails is reported under the name of its part, with the tool's own words."""
    trials = {"nftables": [("a part", ["nft", "-f", "-"], "add rule ip no-table no-chain drop\n")]}
    monkeypatch.setattr(host_kernel, "TRIALS", trials)
    (lacking,) = host_kernel.missing("nftables")
    assert lacking.startswith("a part: ")
    assert "Error" in lacking
