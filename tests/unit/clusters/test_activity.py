"""Whether a process is at work, from looks at its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from clusters.embedded.guest.activity import LOOK, LOOKS, Watch, at_work

SPIN = "while True: pass"
PARENT = "import subprocess; subprocess.run(['sleep', '60'])"


@pytest.mark.parametrize(
    ("program", "expected"),
    [(SPIN, True), (PARENT, True), ("import time; time.sleep(60)", False)],
)
def test_who_computes_or_has_a_child_is_at_work(program: str, *, expected: bool) -> None:
    """Who sleeps is not, once it has started."""
    with subprocess.Popen([sys.executable, "-c", program], process_group=0) as process:
        try:
            until = time.monotonic() + 20.0
            while at_work(process.pid) != expected:
                assert time.monotonic() < until
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, 9)


def test_who_has_ended_is_told() -> None:
    """There is nothing to look at."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(FileNotFoundError):
        at_work(process.pid)


def test_rest_takes_several_looks() -> None:
    """It is at rest after all of them, at work with the first that says so."""
    looks: list[bool] = []

    def look() -> bool:
        looks.append(len(looks) == LOOKS)
        return looks[-1]

    watch = Watch(look)
    assert not watch.busy()
    assert len(looks) == LOOKS
    assert watch.busy()
    assert looks == [False] * LOOKS + [True]


def test_work_before_is_no_work_now() -> None:
    """Only looks since somebody asked count."""
    at_it = threading.Event()
    at_it.set()
    watch = Watch(at_it.is_set)
    assert watch.busy()
    at_it.clear()
    assert not watch.busy()


def test_looks_are_shared() -> None:
    """Many who ask at the same time cost no more looks than one does."""
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        return False

    watch = Watch(look)
    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(lambda _: watch.busy(), range(20)))
    assert all(later - one >= LOOK for one, later in pairwise(looks))
    assert len(looks) < 20 * LOOKS / 2
