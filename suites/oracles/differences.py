"""Answers of several modes to one question: whether they differ, and whether that is documented."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple

from suites.oracles.verdict import listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Mode = Literal["iptables", "ipvs", "nftables"]
Place = Literal["here", "elsewhere", "everywhere"]

Answer = frozenset[str]
"""All that attempts of one kind met, in words that mean the same on every node."""

DENIED = "was discarded on its own node"
REFUSED = "was refused"
SILENT = "had no answer"


class Question(NamedTuple):
    """What is asked in every mode; `place` is where the endpoints are, seen from who asks."""

    situation: str
    state: str
    path: str
    protocol: str
    client: str
    place: Place

    def before(self, state: str) -> Question:
        """Return the question for what was there in the state before `state`."""
        return self._replace(state=state, path=f"{self.path} that it had before")

    def __str__(self) -> str:
        places = {"everywhere": "on every node", "here": "on its node only"}
        place = places.get(self.place, "on another node only")
        return (
            f"{self.client} that asks for {self.protocol} by the {self.path} of a Service "
            f"with endpoints {place} ({self.situation}, {self.state})"
        )


@dataclass(frozen=True, slots=True)
class Documented:
    """What one mode is known to do otherwise, to which questions, and where that is written.

    Empty means any. `answers` are all that it may answer, `others` all that the modes may that do
    as usual; whatever else is met there is a difference that nobody has written down.
    """

    what: str
    source: str
    mode: Mode
    answers: frozenset[str]
    others: frozenset[str] = frozenset()
    situations: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    def explains(self, question: Question, answer: Answer) -> bool:
        """Tell whether this is why a mode answers a question so."""
        asked = (
            (self.situations, question.situation),
            (self.states, question.state),
            (self.paths, question.path),
            (self.clients, question.client),
            (self.places, question.place),
        )
        return answer <= self.answers and all(not some or one in some for some, one in asked)


class Difference(NamedTuple):
    """Modes that answer a question differently; `reasons` are those that explain all of it."""

    question: Question
    answers: Mapping[Mode, Answer]
    reasons: tuple[Documented, ...]

    def __str__(self) -> str:
        modes: dict[Answer, list[str]] = defaultdict(list)
        for mode, answer in self.answers.items():
            modes[answer].append(mode)
        told = [
            f"in {listing(names, 'and')} it {listing(sorted(answer), 'or')}"
            for answer, names in modes.items()
        ]
        return f"{self.question}: {'; '.join(told)}"


def compare(
    question: Question, answers: Mapping[Mode, Answer], documented: Sequence[Documented]
) -> Difference | None:
    """Return how the answers differ, None if they do not.

    Modes whose answers are documented are set aside; the others, one at least, have to agree on
    what the documentation says is usual.
    """
    told = {mode: _settled(answer, answers) for mode, answer in answers.items()}
    if len(set(told.values())) < 2:
        return None
    return Difference(question, told, _reasons(question, told, documented))


def _reasons(
    question: Question, answers: Mapping[Mode, Answer], documented: Sequence[Documented]
) -> tuple[Documented, ...]:
    choices: list[list[Documented | None]] = [
        [None, *(e for e in documented if e.mode == mode and e.explains(question, answer))]
        for mode, answer in answers.items()
    ]
    for chosen in product(*choices):
        pairs = zip(answers.values(), chosen, strict=True)
        rest = {answer for answer, entry in pairs if entry is None}
        reasons = tuple(entry for entry in chosen if entry is not None)
        usual = frozenset[str]().union(*rest)
        if len(rest) == 1 and all(not e.others or usual <= e.others for e in reasons):
            return reasons
    return ()


def _settled(answer: Answer, answers: Mapping[Mode, Answer]) -> Answer:
    """Take a discarded datagram for what it may have been: refused or dropped, as elsewhere."""
    if DENIED not in answer:
        return answer
    elsewhere = frozenset[str]().union(*answers.values())
    for word in (SILENT, REFUSED):
        if word in elsewhere:
            return answer - {DENIED} | {word}
    return answer
