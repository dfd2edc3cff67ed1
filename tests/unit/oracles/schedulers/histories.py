"""What the tests of scheduler models share: fresh virtual servers and the traffic they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from suites.oracles.schedulers import Scheduler, scheduler
from suites.oracles.schedulers.destinations import Destination

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENT = "10.244.1.2"
SERVER = "10.96.0.1"


def endpoint(number: int) -> str:
    """Name a destination as the kernel does, which mh hashes."""
    return f"10.244.2.{number}:8080"


NAMES = st.integers(1, 8).map(lambda n: [endpoint(number) for number in range(n)])


def fresh(name: str, order: Iterable[str]) -> Scheduler:
    """Build a model with these destinations in kernel order, weight 1, no connections."""
    return scheduler(name, [Destination(destination) for destination in order], SERVER)


def short(model: Scheduler, times: int) -> str:
    """Make sequential short connections, whose inactive entries stay."""
    picks = []
    for _ in range(times):
        picked = model.connect(CLIENT)
        assert picked is not None
        model.established(picked)
        model.close(picked)
        picks.append(picked)
    return "".join(picks)


def held(model: Scheduler, times: int) -> str:
    """Make connections that stay open; a refused one is a dash."""
    picks = []
    for _ in range(times):
        picked = model.connect(CLIENT)
        if picked is not None:
            model.established(picked)
        picks.append(picked or "-")
    return "".join(picks)
