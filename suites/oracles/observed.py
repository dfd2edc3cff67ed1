"""What probes of a matrix saw, against what the routing model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from suites.oracles.verdict import listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from suites.oracles.routing import Expected


class Seen(Protocol):
    """One attempt: its outcome, and if it was answered by whom, where and whose source they saw.

    `outcome` is that of an attempt, or "denied" where a rule of the client's own node discarded a
    datagram, which leaves open whether it was refused or dropped. `source` is "client", "node" or
    "target" (the address that was asked for) or "other ADDRESS".
    """

    @property
    def outcome(self) -> str: ...  # noqa: D102 - see above

    @property
    def backend(self) -> str: ...  # noqa: D102 - see above

    @property
    def port(self) -> int | None: ...  # noqa: D102 - see above

    @property
    def source(self) -> str: ...  # noqa: D102 - see above


ENDINGS = {
    None: frozenset[str](),
    "refused": frozenset({"refused", "denied"}),
    "dropped": frozenset({"timeout", "denied"}),
    "refused-or-dropped": frozenset({"refused", "timeout", "denied", "unreachable"}),
}
"""An address that is nobody's may also leave the node, and meet no route."""

WORDS = {
    "refused": "refused",
    "dropped": "dropped",
    "refused-or-dropped": "refused or dropped",
}


def fault(
    seen: Iterable[Seen],
    right: Expected,
    *,
    target: int | None,
    also: Collection[int] = (),
    own: str = "",
) -> str:
    """Say what is wrong with attempts, empty when nothing is.

    `target` is the port on which backends have to be reached, or one of `also`; `own` is the
    backend that is the client itself: what comes back to it is masqueraded whatever else is right.
    """
    for one in seen:
        if one.outcome != "ok":
            if one.outcome in ENDINGS[right.otherwise]:
                continue
            return f"{_ended(one.outcome)}, but should have {_should(right)}"
        if one.backend not in right.backends:
            return f"reached pod {one.backend}, but should have {_should(right)}"
        if one.port != target and one.port not in also:
            return f"reached pod {one.backend} on port {one.port}, but should on port {target}"
        wanted = _source(right, hairpin=one.backend == own)
        if wanted and one.source != wanted:
            return (
                f"reached pod {one.backend}, which saw the source address of {one.source} "
                f"and should have seen that of {wanted}"
            )
    return ""


def _source(right: Expected, *, hairpin: bool) -> str:
    if hairpin:
        return "node"
    if right.masqueraded is None:
        return ""
    return "node" if right.masqueraded else "client"


def moved(seen: Iterable[Seen]) -> str:
    """Say whether a client with session affinity met several backends, empty when it did not."""
    backends = sorted({one.backend for one in seen if one.outcome == "ok"})
    if len(backends) < 2:
        return ""
    return f"reached pods {listing(backends, 'and')}, but should have stayed with one"


def missed(seen: Iterable[Seen], backends: Collection[str]) -> list[str]:
    """Return the backends that no attempt reached."""
    return sorted(set(backends) - {one.backend for one in seen if one.outcome == "ok"})


def _ended(outcome: str) -> str:
    return {
        "timeout": "had no answer",
        "refused": "was refused",
        "denied": "was discarded on its own node",
        "unreachable": "found no way there",
    }.get(outcome, f"ended as {outcome}")


def _should(right: Expected) -> str:
    ends = f"been {WORDS[right.otherwise]}" if right.otherwise else ""
    pods = f"reached pod {listing(sorted(right.backends), 'or')}" if right.backends else ""
    return " or ".join(filter(None, (pods, ends)))
