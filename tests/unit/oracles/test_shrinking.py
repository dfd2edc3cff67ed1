"""What is left of failing changes: the ones that matter, as plain as they can be."""

from __future__ import annotations

from suites.oracles.changes import Change
from suites.oracles.shrinking import shrink
from suites.oracles.world import Endpoint, Service

RICH = Service(
    type="LoadBalancer",
    internal="Local",
    affinity=True,
    slices=(("a", (Endpoint(0), Endpoint(1), Endpoint(2))),),
)
NOISE = [Change("zone", (0, number)) for number in range(8)]


def test_only_what_matters_remains() -> None:
    """Two changes of ten fail together; both remain, one Service with what it takes to fail."""
    tries = 0

    def attempt(changes: list[Change]) -> list[Change] | None:
        nonlocal tries
        tries += 1
        put = [c.arguments[1] for c in changes if c.verb == "put"]
        restarts = [i for i, c in enumerate(changes) if c.verb == "restart"]
        if put and put[0].affinity and len(put[0].endpoints) >= 2 and restarts:
            return changes[: restarts[0] + 1]
        return None

    changes = [*NOISE[:4], Change("put", ("s0", RICH)), *NOISE[4:], Change("restart", (0,))]
    best = shrink(changes, attempt, lambda: False)
    assert [change.verb for change in best] == ["put", "restart"]
    service = best[0].arguments[1]
    assert service.affinity
    assert len(service.endpoints) == 2
    assert (service.type, service.internal) == ("ClusterIP", "Cluster")
    assert tries < 60


def test_time_ends_it() -> None:
    """When the time is over, the best so far is the answer."""
    changes = [*NOISE, Change("restart", (0,))]
    assert shrink(changes, lambda tried: tried, lambda: True) == changes
