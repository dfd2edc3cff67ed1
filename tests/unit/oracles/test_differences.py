"""Answers of several modes: equal, different, or different as it is documented."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from suites.oracles.differences import (
    DENIED,
    REFUSED,
    SILENT,
    Documented,
    Question,
    compare,
)

if TYPE_CHECKING:
    from suites.oracles.differences import Answer, Mode

QUESTION = Question("a scene", "at first", "cluster-ip", "tcp 80", "a pod", "elsewhere")
HERE, THERE = frozenset({"reached here"}), frozenset({"reached there"})
REFUSES, DROPS = frozenset({REFUSED}), frozenset({SILENT})
KNOWN = Documented("IPVS falls back", "k/k #97081", "ipvs", THERE, paths=frozenset({"cluster-ip"}))


def answers(iptables: Answer, ipvs: Answer, nftables: Answer) -> dict[Mode, Answer]:
    """Return the answers by mode."""
    return {"iptables": iptables, "ipvs": ipvs, "nftables": nftables}


def test_equal_answers_are_no_difference() -> None:
    """What all modes do is right or wrong, but no difference."""
    assert compare(QUESTION, answers(HERE, HERE, HERE), ()) is None


def test_a_difference_names_modes_path_and_answers() -> None:
    """The sentence says who asked for what, and what came of it in which mode."""
    found = compare(QUESTION, answers(HERE, HERE, REFUSES), ())
    assert found is not None
    assert not found.reasons
    assert str(found) == (
        "a pod that asks for tcp 80 by the cluster-ip of a Service with endpoints on another node "
        "only (a scene, at first): in iptables and ipvs it reached here; in nftables it was refused"
    )


def test_documented_differences_have_their_reason() -> None:
    """A mode that does what is written down is set aside."""
    found = compare(QUESTION, answers(DROPS, THERE, DROPS), [KNOWN])
    assert found is not None
    assert found.reasons == (KNOWN,)


def test_documentation_excuses_that_answer_only() -> None:
    """Another answer of the same mode to the same question is not documented."""
    found = compare(QUESTION, answers(DROPS, HERE, DROPS), [KNOWN])
    assert found is not None
    assert found.reasons == ()


def test_documentation_excuses_that_question_only() -> None:
    """The same answer on another path is not documented."""
    found = compare(QUESTION._replace(path="node-port"), answers(DROPS, THERE, DROPS), [KNOWN])
    assert found is not None
    assert found.reasons == ()


def test_documentation_excuses_that_mode_only() -> None:
    """The modes that nothing is documented of still have to agree."""
    found = compare(QUESTION, answers(DROPS, THERE, REFUSES), [KNOWN])
    assert found is not None
    assert found.reasons == ()


def test_a_discarded_datagram_is_refused_or_dropped() -> None:
    """EPERM leaves open which, so it equals either."""
    denied = frozenset({DENIED})
    assert compare(QUESTION, answers(denied, REFUSES, denied), ()) is None
    assert compare(QUESTION, answers(denied, DROPS, denied), ()) is None
    found = compare(QUESTION, answers(denied, HERE, denied), ())
    assert found is not None
    assert DENIED in str(found)


words = st.sampled_from([HERE, THERE, REFUSES, DROPS, HERE | THERE])


@given(words, words, words)
def test_a_difference_is_found_whoever_differs(a: Answer, b: Answer, c: Answer) -> None:
    """There is a difference exactly when two answers are not the same."""
    assert (compare(QUESTION, answers(a, b, c), ()) is None) == (a == b == c)


def test_two_modes_may_each_have_a_reason() -> None:
    """As long as one is left that does as usual, and the reasons agree with it."""
    other = Documented(
        "iptables lets it pass", "k/k", "iptables", DROPS, others=REFUSES, paths=KNOWN.paths
    )
    found = compare(QUESTION, answers(DROPS, THERE, REFUSES), [KNOWN, other])
    assert found is not None
    assert set(found.reasons) == {KNOWN, other}
    found = compare(QUESTION, answers(DROPS, THERE, HERE), [KNOWN, other])
    assert found is not None
    assert found.reasons == ()
