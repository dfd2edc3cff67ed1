"""From the history of an experiment, and what its faults excuse, to judgements."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from suites.oracles import history as oracle
from suites.oracles.membership import arrived, returns, stale, without_late_replies
from suites.oracles.verdict import Judgement, all_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fixtures.history import History, Span


@dataclass(frozen=True)
class Excuses:
    """What the faults of an experiment excuse.

    `deaf` are by node the faults during which its kube-proxy cannot learn of changes, `unreached`
    those during which connections by it cannot reach every endpoint. During `excused`, and `slack`
    seconds longer, connections may fail, and those near one node during `near`; in these `ways`, if
    there are any. During `flows` open connections may break, and with `returns_cut` those to an
    endpoint that returns while it drains.
    """

    deaf: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    unreached: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    excused: Sequence[Span] = ()
    near: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    flows: Sequence[Span] = ()
    ways: Collection[str] = ()
    returns_cut: bool = False


class Judging:
    """Judges one history; `near` is the node whose kube-proxy each load goes by.

    A change may take `bound` seconds, and a recovery `slack`; what was before `served` is none of
    it.
    """

    def __init__(
        self,
        history: History,
        near: Mapping[str, str],
        excuses: Excuses,
        *,
        bound: float,
        slack: float,
        served: float,
    ) -> None:
        self.history = history
        self.near = near
        self.excuses = excuses
        self.bound = bound
        self.served = served
        self.windows = [_window(span, slack) for span in excuses.excused]
        self.windows_near = {
            node: [*self.windows, *(_window(span, slack) for span in spans)]
            for node, spans in excuses.near.items()
        }
        self.flow_windows = [_window(span, slack) for span in excuses.flows]
        self.stays = [oracle.Stay(s.backend, s.added, s.removed) for s in history.stays]
        datagrams = {x.name for x in history.loads if x.target.protocol == "udp"}
        self.tried = without_late_replies(self._tried(), self.stays, bound, datagrams)
        self.returned = returns(self.stays, bound) if excuses.returns_cut else {}
        self.still = self._stalls()
        flows = {x.name for x in history.loads if x.flow and x.target.protocol == "tcp"}
        follow = {x.name for x in history.loads if x.flow} - flows
        self.flows = [one for one in self.tried if one.load in flows]
        self.follow = [one for one in self.tried if one.load in follow]
        self.fresh = [one for one in self.tried if one.load in near.keys() - flows - follow]
        self.sticky = {x.name for x in history.loads if x.sticky}

    def _tried(self) -> list[oracle.Tried]:
        """Return all attempts, by the clock of the harness."""
        return [
            oracle.Tried(
                *(begun, ended, one.outcome, one.backend, load.name),
                late=one.late_ns / 1e9,
                error=one.error or "",
            )
            for load in self.history.loads
            for part in load.attempts
            for one, (begun, ended) in zip(part, load.times(part), strict=True)
            if begun >= self.served
        ]

    def _stalls(self) -> list[oracle.Window]:
        """Return when the machine stood still; what a fault has broken shows nothing of it."""
        faults = [*self.windows, *itertools.chain(*self.windows_near.values())]
        control = {load.name for load in self.history.loads if load.control}
        own = [one for one in self.tried if one.load in control]
        return oracle.stalls([one for one in own if not oracle.in_window(one, faults)])

    def all(self) -> list[Judgement]:
        """Return every judgement of what the build did."""
        found = []
        for node in sorted(set(self.near.values())):
            deaf = [*self.still, *(_window(span) for span in self.excuses.deaf.get(node, ()))]
            far = [*deaf, *(_window(span) for span in self.excuses.unreached.get(node, ()))]
            fresh = [one for one in self.fresh if self.near[one.load] == node]
            # UDP flows have to leave a removed backend, too (k/k#71514).
            follow = [one for one in self.follow if self.near[one.load] == node]
            if fresh:
                found += [
                    self._unfailing(node, fresh),
                    stale(fresh, self.stays, self.bound, deaf),
                    arrived(self._free(fresh), self.stays, self.bound, far),
                ]
            if follow:
                found.append(stale(follow, self.stays, self.bound, deaf))
        if self.sticky:
            found.append(oracle.affine([one for one in self.fresh if one.load in self.sticky]))
        if self.flows:
            found.append(oracle.flows_kept(self.flows, self.flow_windows, self.returned))
        return found

    def _free(self, fresh: Sequence[oracle.Tried]) -> list[oracle.Tried]:
        """Return the attempts that may go to any endpoint."""
        return [one for one in fresh if one.load not in self.sticky]

    def _unfailing(self, node: str, fresh: Sequence[oracle.Tried]) -> Judgement:
        return oracle.unfailing(
            fresh,
            self.windows_near.get(node, self.windows),
            ways=self.excuses.ways,
            stalled=self.still,
        )

    def lively(self) -> Judgement:
        """Judge that the test lived, and the machine with it."""
        loads = [x for x in self.history.loads if x.name in self.near and not x.flow]
        if not self.fresh:
            return oracle.lively([], {"any load": 1.0}, 0.0, 1.0)
        start = min(one.at for one in self.fresh)
        end = max(one.ended for one in self.fresh)
        each = [
            oracle.lively(
                self.fresh, {load.name: load.rate}, max(load.began, self.served), load.ended
            )
            for load in loads
        ]
        return all_of(oracle.mostly(self.still, start, end), *each)


def _window(span: Span, slack: float = 0.0) -> oracle.Window:
    return oracle.Window(span.start, span.end + slack, span.name)
