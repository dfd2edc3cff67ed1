"""Judgements of what is left, changed or back."""

from __future__ import annotations

from suites.oracles.leftovers import back_to, none_left, same_members, unchanged


def test_nothing_left() -> None:
    assert none_left("node-1", {"iptables": [], "ipvs": ["ipset A"]}, but={"ipvs"}).ok
    judged = none_left("node-1", {"iptables": ["chain A"], "ipvs": ["ipset B"]})
    assert judged.ok is False
    assert judged.sentence == "node-1 still has chain A and ipset B; nothing should be left"


def test_unchanged() -> None:
    assert unchanged("node-1", {"a": [1]}, {"a": [1]}).ok
    judged = unchanged("node-1", {"a": [1]}, {"a": [1, 2]})
    assert judged.ok is False
    assert "a: [1] became [1, 2]" in judged.sentence


def test_same_members() -> None:
    assert same_members("kube-ipvs0", {"a", "b"}, {"b", "a"}).ok
    judged = same_members("kube-ipvs0", {"a", "c"}, {"a", "b"})
    assert judged.ok is False
    assert judged.sentence == "kube-ipvs0 has c, which should not be there and lacks b"


def test_back_to() -> None:
    assert back_to("the table", {"chains": 1, "sets": 0}, {"chains": 1}).ok
    judged = back_to("the table", {"chains": 2}, {"chains": 1, "sets": 3})
    assert judged.ok is False
    assert judged.sentence == "the table has 2 chains, not 1 and 0 sets, not 3 as before"
