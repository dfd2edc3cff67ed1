"""The models of IPVS schedulers against the kernel's published behaviour and their own laws."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.schedulers import SCHEDULERS, scheduler
from suites.oracles.schedulers.destinations import Destination
from tests.unit.oracles.schedulers.histories import CLIENT, NAMES, endpoint, fresh, held, short


@pytest.mark.parametrize("name", ["rr", "wrr", "lc", "wlc"])
def test_a_fresh_service_is_walked_in_kernel_order(name: str) -> None:
    """Short and held connections to a fresh Service go around the list from its head."""
    assert short(fresh(name, "cba"), 7) == "cbacbac"
    assert held(fresh(name, "cba"), 7) == "cbacbac"


@given(NAMES, st.integers(0, 60))
def test_round_robin_counts_differ_by_one_at_most(names: list[str], connections: int) -> None:
    """Whatever the number of backends and connections, shares are within one."""
    model = fresh("rr", names)
    picks = Counter(model.connect(CLIENT) for _ in range(connections))
    shares = [picks[name] for name in names]
    assert sum(shares) == connections
    assert max(shares) - min(shares) <= 1


@given(NAMES, st.integers(0, 40))
def test_weights_of_one_make_wrr_round_robin(names: list[str], connections: int) -> None:
    """From a fresh Service with equal weights wrr and rr agree pick by pick."""
    rr, wrr = fresh("rr", names), fresh("wrr", names)
    assert [rr.connect(CLIENT) for _ in range(connections)] == [
        wrr.connect(CLIENT) for _ in range(connections)
    ]


EVENTS = st.lists(
    st.tuples(st.sampled_from(["connect", "drain", "undrain", "remove", "add"]), st.integers(0, 5)),
    max_size=60,
)


@given(st.sampled_from(sorted(SCHEDULERS)), EVENTS)
def test_a_draining_backend_is_never_picked(name: str, events: list[tuple[str, int]]) -> None:
    """No scheduler gives a connection to weight 0; only hashes refuse while others could serve."""
    model = fresh(name, [endpoint(number) for number in range(4)])
    weights = dict.fromkeys(model.order, 1)
    for event, number in events:
        target = endpoint(number)
        if event == "connect":
            picked = model.connect(f"10.0.0.{number}")
            assert picked is None or weights[picked] == 1
            usable = any(weights.values())
            assert usable or picked is None
            assert picked is not None or name in {"sh", "dh", "mh"} or not usable
        elif event == "add" and target not in weights:
            model.add(target)
            weights[target] = 1
        elif event == "remove" and target in weights:
            model.remove(target)
            del weights[target]
        elif event in {"drain", "undrain"} and target in weights:
            weights[target] = int(event == "undrain")
            model.set_weight(target, weights[target])
    assert set(model.order) == set(weights)


@pytest.mark.parametrize("pair", [("lc", "wlc"), ("sed", "nq")])
@given(NAMES, EVENTS)
def test_weights_of_one_cannot_tell_a_pair_apart(
    pair: tuple[str, str], names: list[str], events: list[tuple[str, int]]
) -> None:
    """As kube-proxy writes only weights 0 and 1, both pick the same through any history."""
    one, other = (fresh(name, names) for name in pair)
    for event, number in events:
        target = names[number % len(names)]
        if event in {"drain", "undrain"}:
            one.set_weight(target, int(event == "undrain"))
            other.set_weight(target, int(event == "undrain"))
            continue
        picked = one.connect(CLIENT)
        assert picked == other.connect(CLIENT)
        if picked is not None and event == "add":
            one.established(picked)
            other.established(picked)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5).filter(any))
def test_wrr_gives_each_its_weight_per_period(weights: list[int]) -> None:
    """Over one period of sum(weights) / gcd connections each backend gets its weight's share."""
    model = scheduler("wrr", [Destination(f"web-{n}", weight) for n, weight in enumerate(weights)])
    step = math.gcd(*weights)
    period = sum(weights) // step
    for _ in range(2 * period):
        model.connect(CLIENT)  # past the start, whose bar depends on how the list came to be
    seen = Counter(model.connect(CLIENT) for _ in range(period))
    assert seen == Counter({f"web-{n}": w // step for n, w in enumerate(weights) if w})


def test_wrr_walks_by_sinking_bar() -> None:
    """Weights 3 and 1 give A A A B, after a first round at the bar that the older B, alone, set."""
    model = scheduler("wrr", [Destination("A", 3), Destination("B", 1)])
    assert "".join(model.connect(CLIENT) or "-" for _ in range(10)) == "ABAAABAAAB"


def test_wrr_lifts_its_bar_to_a_step_when_weights_change() -> None:
    """At bar 2 of weights 3 and 2, a change to 4 and 2 makes it 3, the next of the steps by two."""
    model = scheduler("wrr", [Destination("A", 3), Destination("B", 2)])
    assert "".join(model.connect(CLIENT) or "-" for _ in range(4)) == "ABAA"
    model.set_weight("A", 4)
    assert "".join(model.connect(CLIENT) or "-" for _ in range(6)) == "AABAAB"


def test_a_new_backend_tells_wrr_from_rr() -> None:
    """After two picks and an addition rr goes on in the list, wrr begins at the new head."""
    rr, wrr = fresh("rr", "dcba"), fresh("wrr", "dcba")
    assert short(rr, 2) == short(wrr, 2) == "dc"
    rr.add("e")
    wrr.add("e")
    assert short(rr, 4) == "baed"
    assert short(wrr, 4) == "edcb"


def test_rr_steps_back_when_its_last_pick_is_deleted() -> None:
    """The walk goes on with whom it would have met anyway."""
    model = fresh("rr", "cba")
    assert short(model, 2) == "cb"
    model.remove("b")
    assert short(model, 3) == "aca"


def test_rr_begins_anew_when_the_head_it_picked_is_deleted() -> None:
    """With the first of the list deleted the walk is at the list's head."""
    model = fresh("rr", "cba")
    assert short(model, 1) == "c"
    model.remove("c")
    assert short(model, 3) == "bab"


def test_rr_survives_the_loss_of_all_backends() -> None:
    """Deleting the only backend refuses, and the next one to come is picked."""
    model = fresh("rr", "a")
    assert short(model, 1) == "a"
    model.remove("a")
    assert model.connect(CLIENT) is None
    model.add("b")
    assert short(model, 1) == "b"


def test_lc_avoids_the_one_that_holds_a_connection() -> None:
    """One held connection outweighs 255 finished ones on each of the others."""
    model = fresh("lc", "cba")
    assert held(model, 1) == "c"
    assert "c" not in short(model, 2 * 255)


def test_lc_gives_a_newcomer_everything_until_it_has_caught_up() -> None:
    """An added backend takes every connection until it has as many as the others."""
    model = fresh("lc", "ba")
    assert held(model, 4) == "baba"
    model.add("c")
    assert held(model, 5) == "cccba"


def test_lc_forgets_entries_that_expired() -> None:
    """When the inactive entry of a backend is gone it is the least loaded again."""
    model = fresh("lc", "cba")
    assert short(model, 3) == "cba"
    model.expire("a")
    assert short(model, 1) == "a"


def test_lc_starts_from_the_counters_it_is_given() -> None:
    """Connections that were there before count."""
    model = scheduler("lc", [Destination("b", inactive=2), Destination("a", active=0, inactive=1)])
    assert short(model, 2) == "ab"


def test_removed_backend_finds_its_connections_again() -> None:
    """A backend that returns while its connections last is not the least loaded one."""
    model = fresh("lc", "ba")
    assert held(model, 3) == "bab"
    model.remove("b")
    model.add("b")
    assert model.order == ("b", "a")
    assert held(model, 1) == "a"


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_no_destination_refuses(name: str) -> None:
    """Without a usable destination a connection is refused."""
    assert fresh(name, "").connect(CLIENT) is None
    model = fresh(name, [endpoint(1)])
    model.set_weight(endpoint(1), 0)
    assert model.connect(CLIENT) is None


def test_a_history_that_cannot_be_is_an_error() -> None:
    """Events about unknown destinations or connections raise instead of spoiling the prediction."""
    model = fresh("rr", "a")
    with pytest.raises(ValueError, match="no such connection"):
        model.close("a")
    with pytest.raises(ValueError, match="no destination b"):
        model.remove("b")
    with pytest.raises(ValueError, match="already there"):
        model.add("a")
    with pytest.raises(ValueError, match="no model of the scheduler twos"):
        scheduler("twos", [])
