"""The models of sed, nq, lblc, lblcr, fo and ovf, by hand from the kernel's source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers import SCHEDULERS, scheduler
from suites.oracles.schedulers.destinations import Destination
from tests.unit.oracles.schedulers.histories import CLIENT, NAMES, fresh, held, short


@pytest.mark.parametrize("name", ["sed", "nq"])
def test_short_connections_all_go_to_the_head(name: str) -> None:
    """What is closed counts nothing, so the first of the equals gets each connection."""
    assert short(fresh(name, "cba"), 20) == "c" * 20


@pytest.mark.parametrize("name", ["sed", "nq", "lc", "wlc"])
def test_held_connections_walk_the_list(name: str) -> None:
    """With connections that stay open, the one that has fewest is the next of the list."""
    assert held(fresh(name, "cba"), 7) == "cbacbac"


@pytest.mark.parametrize("name", ["sed", "nq"])
def test_one_held_connection_sends_short_ones_to_the_second(name: str) -> None:
    """While the head holds a connection the next of the list is the least loaded."""
    model = fresh(name, "cba")
    assert held(model, 1) == "c"
    assert short(model, 20) == "b" * 20


def test_nq_prefers_an_idle_one_where_sed_prefers_the_strong() -> None:
    """With weights of 4 and 1 sed sends three to the strong before the weak, nq uses the idle."""
    destinations = [Destination("strong", 4), Destination("weak", 1)]
    sed, nq = scheduler("sed", destinations), scheduler("nq", destinations)
    assert held(sed, 5) == "strong" * 4 + "weak"
    assert held(nq, 5) == "strong" + "weak" + "strong" * 3


def test_lblc_fills_in_pairs_and_then_stays() -> None:
    """A second open connection overloads one only while another is idle; then the last keeps all.

    The kernel asks for more active connections than weight, and an idle one (active * 2 < weight).
    """
    assert held(fresh("lblc", "dcba"), 12) == "ddccbbaaaaaa"


def test_lblcr_goes_on_as_least_connection() -> None:
    """As lblc, but from the last pair on it is the least loaded of the set that serves."""
    assert held(fresh("lblcr", "dcba"), 8) == "ddccbbaa"
    model = fresh("lblcr", "dcba")
    held(model, 9)
    assert held(model, 5) == "bcdab"


@pytest.mark.parametrize("name", ["lblc", "lblcr"])
def test_locality_keeps_short_connections_together(name: str) -> None:
    """Without open connections nothing is overloaded: one destination serves all."""
    assert short(fresh(name, "cba"), 20) == "c" * 20


@pytest.mark.parametrize("name", ["lblc", "lblcr"])
def test_locality_leaves_a_draining_destination(name: str) -> None:
    """The one that served is not available any more, and the least loaded takes its place."""
    model = fresh(name, "cba")
    assert short(model, 3) == "ccc"
    model.set_weight("c", 0)
    assert short(model, 3) == "bbb"
    model.set_weight("c", 1)
    # lblc has forgotten c; lblcr has both in its set, each with three entries.
    assert short(model, 3) == ("bbb" if name == "lblc" else "bcb")
    model.remove("b")
    assert short(model, 3) == ("aaa" if name == "lblc" else "ccc")


def test_fo_gives_all_to_the_one_added_last() -> None:
    """The highest weight, the first of the list among equals; a new one is the first."""
    model = fresh("fo", "ba")
    assert held(model, 5) == "bbbbb"
    model.add("c")
    assert held(model, 5) == "ccccc"
    model.set_weight("c", 0)
    assert held(model, 5) == "bbbbb"


def test_ovf_fills_in_pairs_and_then_refuses() -> None:
    """Each takes connections until it has more than its weight; with all full there is nobody."""
    model = fresh("ovf", "cba")
    assert held(model, 8) == "ccbbaa--"
    model.close("b")
    assert held(model, 2) == "b-"


def test_ovf_prefers_weight() -> None:
    """The heaviest of those with room, wherever it stands in the list."""
    model = scheduler("ovf", [Destination("light", 1), Destination("heavy", 2)])
    assert held(model, 6) == "heavy" * 3 + "light" * 2 + "-"


@given(
    st.sampled_from(sorted(set(SCHEDULERS) - {"sh", "dh", "mh"})),
    NAMES,
    st.lists(st.booleans(), max_size=60),
)
def test_a_connection_is_refused_only_where_all_are_full(
    name: str, names: list[str], closes: list[bool]
) -> None:
    """Whatever is open, only ovf refuses, and only with two connections on each."""
    model = fresh(name, names)
    open_ones: list[str] = []
    for close in closes:
        if close and open_ones:
            model.close(open_ones.pop(0))
            continue
        picked = model.connect(CLIENT)
        if picked is None:
            assert name == "ovf"
            assert len(open_ones) == 2 * len(names)
            continue
        model.established(picked)
        open_ones.append(picked)


@given(st.sampled_from(["lc", "wlc", "sed", "nq"]), NAMES, st.integers(0, 40))
def test_held_connections_are_shared_within_one(name: str, names: list[str], count: int) -> None:
    """Every least-connection scheduler evens out what stays open."""
    model = fresh(name, names)
    picks = []
    for _ in range(count):
        picked = model.connect(CLIENT)
        assert picked is not None
        model.established(picked)
        picks.append(picked)
    shares = [picks.count(each) for each in names]
    assert max(shares) - min(shares) <= 1
