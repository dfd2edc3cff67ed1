"""Judges of histories, against histories made by hand: good ones, bad ones, and none."""

from __future__ import annotations

from dataclasses import replace

from suites.oracles.history import (
    Tried,
    Window,
    affine,
    flows_kept,
    lively,
    misdelivered,
    mostly,
    stalls,
    unfailing,
)


def tried(
    at: float,
    outcome: str = "ok",
    backend: str | None = "x/a",
    load: str = "pod",
    took: float = 0.01,
) -> Tried:
    """Return one attempt; a failed one has no backend."""
    return Tried(at, at + took, outcome, backend if outcome == "ok" else None, load)


STEADY = [tried(number / 10) for number in range(100)]


def test_answers_of_backends_only() -> None:
    """An answer by somebody who was never a backend is wrong, whenever it came."""
    assert misdelivered(STEADY, {"x/a", "x/b"}).ok is True
    judged = misdelivered([*STEADY, tried(4.05, backend="y/other")], {"x/a"})
    assert judged.ok is False
    assert "y/other" in judged.sentence
    assert misdelivered([tried(1, "timeout")], {"x/a"}).ok is None


def test_garbled_answers_are_misdelivered() -> None:
    """What no agent says is as wrong as what a stranger says."""
    assert misdelivered([*STEADY, tried(2, "garbled")], {"x/a"}).ok is False


def test_an_answer_past_the_node_has_failed() -> None:
    """A backend's own address as the source is no stranger, and excused as other failures are."""
    seen = tried(3.5, "garbled")
    past = replace(seen, backend="x/a", error="answer from 10.244.1.5 port 8080")
    assert misdelivered([*STEADY, past], {"x/a", "x/b"}).ok is True
    assert misdelivered([*STEADY, replace(past, backend="y/other")], {"x/a", "x/b"}).ok is False
    assert unfailing([*STEADY, past], [Window(3.0, 4.0)]).ok is True
    judged = unfailing([*STEADY, past])
    assert judged.ok is False
    assert judged.figures["failed_garbled"] == 1.0


def test_failures_count_outside_of_windows() -> None:
    """A failure is excused while a fault lasts, for the whole time that the attempt took."""
    fault = [Window(3.0, 4.0, "Frozen on node-2")]
    assert unfailing([*STEADY, tried(3.5, "timeout", took=1.0)], fault).ok is True
    assert unfailing([*STEADY, tried(2.5, "timeout", took=1.0)], fault).ok is True
    judged = unfailing([*STEADY, tried(4.5, "refused")], fault)
    assert judged.ok is False
    assert "0.50 s after Frozen on node-2" in judged.sentence
    assert judged.figures == {"failed_refused": 1.0, "excused": 0.0}


def test_what_is_excused_has_its_way_to_fail() -> None:
    """Where a Service has no endpoint it refuses, and whoever is dropped has a complaint."""
    empty = [Window(3.0, 4.0, "no endpoint")]
    assert unfailing([*STEADY, tried(3.5, "refused")], empty, ways={"refused"}).ok is True
    assert unfailing([*STEADY, tried(3.5, "timeout")], empty, ways={"refused"}).ok is False


def test_failures_within_a_budget() -> None:
    """So many may fail, and not one more."""
    one, two = tried(1, "timeout"), tried(2, "timeout")
    assert unfailing([*STEADY, one], budget=1).ok is True
    assert unfailing([*STEADY, one, two], budget=1).ok is False


def test_the_probes_own_failures_decide_nothing() -> None:
    """An attempt that the probe could not make is neither right nor wrong."""
    assert unfailing([*STEADY, tried(1, "error")]).ok is None
    assert unfailing([*STEADY, tried(1, "error"), tried(2, "reset")]).ok is False
    assert unfailing([]).ok is None


def test_flows_go_on() -> None:
    """A flow that breaks outside of a window, or changes its backend, is wrong."""
    flow = [tried(number / 10, load="flow 1") for number in range(50)]
    assert flows_kept(flow).ok is True
    judged = flows_kept([*flow, tried(6, "reset", load="flow 1")])
    assert judged.ok is False
    assert judged.figures["cut"] == 1
    assert "flow 1 (reset)" in judged.sentence
    assert flows_kept([*flow, tried(6, backend="x/b", load="flow 1")]).ok is False
    assert flows_kept([]).ok is None


def test_a_flow_that_may_break_begins_anew() -> None:
    """Broken within a window it may go to another backend afterwards."""
    flow = [tried(1, load="f"), tried(2, "reset", load="f"), tried(3, backend="x/b", load="f")]
    assert flows_kept(flow, [Window(1.5, 2.5)]).ok is True
    assert flows_kept(flow).ok is False


def test_a_flow_may_break_when_its_backend_returns() -> None:
    """It is its own backend that counts, not another's."""
    flow = [tried(1, load="f"), tried(2, "reset", load="f"), tried(3, backend="x/b", load="f")]
    assert flows_kept(flow, (), {"x/a": [Window(1.5, 2.5)]}).ok is True
    assert flows_kept(flow, (), {"x/b": [Window(1.5, 2.5)]}).ok is False


def test_affinity_is_by_load() -> None:
    """Two clients may have two backends, one client may not."""
    other = [tried(number / 10, backend="x/b", load="outside") for number in range(5)]
    assert affine([*STEADY, *other]).ok is True
    assert affine([*STEADY, tried(5, backend="x/b")]).ok is False
    assert affine([]).ok is None


def test_a_test_that_did_not_live_decides_nothing() -> None:
    """Too few attempts, or a long pause, are no evidence."""
    assert lively(STEADY, {"pod": 10.0}, 0.0, 9.9).ok is True
    assert lively(STEADY[::3], {"pod": 10.0}, 0.0, 9.9).ok is None
    gap = [one for one in STEADY if not 2 < one.at < 4]
    assert lively(gap, {"pod": 10.0}, 0.0, 9.9, pause=1.0).ok is None
    assert lively(gap, {"pod": 10.0}, 0.0, 9.9, pause=5.0).ok is True


def test_a_machine_that_stood_still_excuses_timeouts() -> None:
    """Connections past kube-proxy that hang show it; a refusal is no matter of the machine."""
    control = [tried(number / 5, load="past") for number in range(50)]
    assert stalls(control) == []
    still = stalls([*control, tried(5.0, "timeout", load="past", took=1.0), tried(5.5, took=0.8)])
    assert [(window.start, window.end) for window in still] == [(3.5, 7.8)]
    assert unfailing([*STEADY, tried(4.0, "timeout", took=1.0)], stalled=still).ok is True
    assert unfailing([*STEADY, tried(4.0, "refused")], stalled=still).ok is False
    assert unfailing([*STEADY, tried(9.0, "timeout", took=1.0)], stalled=still).ok is False
    assert mostly(still, 0.0, 10.0).ok is True
    assert mostly(still, 3.0, 8.0).ok is None
