"""Whom to move to which processor."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from clusters.embedded import processors
from clusters.embedded.lab import Lab
from clusters.embedded.processors import Share, choose

if TYPE_CHECKING:
    from pathlib import Path

CROWDED = [Share("node-1", 0, 0.9), Share("node-2", 1, 0.1), Share("node-3", 0, 0.7)]


def test_the_one_that_wants_least_goes_to_who_idles() -> None:
    """Two nodes work on processor 0 and nobody on processor 1."""
    assert choose({0: 0.0, 1: 0.8}, CROWDED) == ("node-3", 1)


def test_the_idlest_processor_is_chosen() -> None:
    """Of several that idle the one that idles most is chosen."""
    assert choose({0: 0.0, 1: 0.5, 2: 1.0, 3: 0.7}, CROWDED) == ("node-3", 2)


@pytest.mark.parametrize(
    ("idle", "shares"),
    [
        ({0: 0.0, 1: 0.2}, CROWDED),
        ({0: 0.3, 1: 0.8}, CROWDED),
        ({0: 0.0, 1: 0.8}, [Share("node-1", 0, 1.0), Share("node-3", 0, 0.05)]),
        ({0: 0.0, 1: 0.8}, [Share("node-1", 0, 1.0), Share("node-2", 1, 1.0)]),
        ({}, []),
    ],
    ids=["nobody idles", "both have room", "one of them sleeps", "they share none", "nobody"],
)
def test_otherwise_nobody_is_moved(idle: dict[int, float], shares: list[Share]) -> None:
    """A move costs a little, so there has to be a gain."""
    assert choose(idle, shares) is None


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor only")
def test_a_process_is_moved_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a look says so, all of a process runs on the other processor from then on."""
    here, there = sorted(os.sched_getaffinity(0))[:2]
    lab = Lab(tmp_path)

    def look(_: processors.Processors) -> tuple[str, int] | None:
        (pid, _place), *_rest = lab.placed().values()
        return ("one", there) if len(processors.family(pid)) == 3 else None

    monkeypatch.setattr(processors.Processors, "look", look)
    argv = ["sh", "-c", "sleep 60 & sleep 60 & wait"]
    asked = {"name": "one", "argv": argv, "log": str(tmp_path / "log"), "processor": here}
    pid = lab.spawn(asked)["pid"]
    deadline = time.monotonic() + 20
    while lab.placed() != {"one": (pid, there)} and time.monotonic() < deadline:
        time.sleep(0.02)
    lab.over.set()
    family = processors.family(pid)
    places = [os.sched_getaffinity(member) for member in family]
    lab.signal({"name": "one", "signal": signal.SIGKILL})
    assert places == [{there}] * 3
