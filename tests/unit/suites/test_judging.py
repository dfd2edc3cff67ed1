"""What an experiment's history becomes: loads by their node, faults as excuses, stalls as such."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from fixtures.agent.attempts import Attempts
from fixtures.history import BEFORE, Load, Span, Stay
from suites.chaos.judging import Excuses, Judging
from suites.oracles import history as oracle
from suites.oracles.verdict import all_of

NEAR = {"pod": "node-1", "outside": "node-2"}
STAYS = [Stay("x/a", BEFORE)]


def load(name: str, outcomes: list[str], *, control: bool = False, flow: bool = False) -> Load:
    """Return a load of ten attempts a second from second 100 on, each answered in 1 ms by x/a."""
    count = len(outcomes)
    ok = [outcome == "ok" for outcome in outcomes]
    attempts = Attempts(
        at_ns=[int((107 + number / 10) * 1e9) for number in range(count)],
        late_ns=[0] * count,
        connect_ns=[500_000] * count,
        first_byte_ns=[1_000_000 if good else None for good in ok],
        outcome=outcomes,
        backend=["x/a" if good else None for good in ok],
        node=[None] * count,
        source=[None] * count,
        local_port=[1] * count,
        server_ip=[None] * count,
        server_port=[None] * count,
        seq=[None] * count,
        retransmits=[0] * count,
        error=[None] * count,
    )
    plan = SimpleNamespace(plan=SimpleNamespace(timeout=1.0))
    target = SimpleNamespace(protocol="tcp")
    made: Any = Load(name, None, target, 10.0, flow, plan, 7.0, 0.0, 100.0)  # type: ignore[arg-type]
    made.attempts.append(attempts)
    made.control, made.ended = control, 100.0 + count / 10
    return made  # type: ignore[no-any-return]


def judging(*loads: Load, excuses: Excuses | None = None, served: float = 0.0) -> Judging:
    """Judge loads that were near one node each."""
    history: Any = SimpleNamespace(loads=list(loads), stays=STAYS)
    return Judging(history, NEAR, excuses or Excuses(), bound=2.0, slack=1.0, served=served)


GOOD = ["ok"] * 100
BAD = ["ok"] * 50 + ["timeout"] + ["ok"] * 49


def test_a_good_history() -> None:
    """Answered attempts of loads that lived are right, and times are by our clock."""
    made = judging(load("pod", GOOD), load("outside", GOOD), load("flow 1", GOOD, flow=True))
    assert all_of(*made.all()).ok is True
    assert made.lively().ok is True
    assert made.tried[0].at == 100.0


def test_one_failure_is_wrong() -> None:
    """It is near one node, and said of that."""
    judged = all_of(*judging(load("pod", BAD), load("outside", GOOD)).all())
    assert judged.ok is False
    assert "pod" in judged.sentence


def test_faults_excuse_near_their_node_only() -> None:
    """A fault of one node's kube-proxy is no excuse for another's, a dead endpoint for all."""
    fault = Span("fault", "fault", 104.0, 105.0)
    near = Excuses(near={"node-2": [fault]})
    assert all_of(*judging(load("outside", BAD), excuses=near).all()).ok is True
    assert all_of(*judging(load("pod", BAD), excuses=near).all()).ok is False
    assert all_of(*judging(load("pod", BAD), excuses=Excuses(excused=[fault])).all()).ok is True


def test_who_is_not_reached_may_not_be_used_on() -> None:
    """Where a fault hides an added endpoint it is not missed; one that is removed gets nothing."""
    span = Span("apart", "fault", 100.0, 109.0)
    excuses = Excuses(unreached={"node-1": [span]})
    added = [Stay("x/a", BEFORE), Stay("x/b", (101.0, 101.0))]
    for excused, right in ((Excuses(), False), (excuses, True)):
        made = judging(load("pod", GOOD), excuses=excused)
        made.stays = [oracle.Stay(stay.backend, stay.added, stay.removed) for stay in added]
        assert all_of(*made.all()).ok is right
    made = judging(load("pod", GOOD), excuses=excuses)
    made.stays = [oracle.Stay("x/a", BEFORE, (101.0, 101.0))]
    assert all_of(*made.all()).ok is False


def test_a_stall_is_seen_past_kube_proxy() -> None:
    """When a connection to a pod itself hangs, the machine did, unless a fault explains it."""
    past = load("past", BAD, control=True)
    assert all_of(*judging(load("pod", BAD), past).all()).ok is True
    fault = Excuses(near={"node-2": [Span("fault", "fault", 104.0, 105.0)]})
    assert judging(load("pod", BAD), past, excuses=fault).still == []


def test_what_was_before_is_none_of_it() -> None:
    """Attempts before every load was served are left out; without any the test did not live."""
    assert all_of(*judging(load("pod", BAD), served=106.0).all()).ok is True
    assert judging(load("pod", GOOD), served=200.0).lively().ok is None
