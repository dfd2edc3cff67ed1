"""Whether a kernel has a scheduler is found out by a virtual server that goes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.protocol import Ran
from clusters.schedulers import has_scheduler

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(("status", "commands"), [(0, ["-A", "-D"]), (255, ["-A"])])
def test_the_trial_leaves_nothing(status: int, commands: list[str]) -> None:
    seen = []

    def run(argv: Sequence[str]) -> Ran:
        seen.append(argv[1])
        return Ran(tuple(argv), status, "", "")

    assert has_scheduler(run, "mh") is (status == 0)
    assert seen == commands
