"""The steps that most cases are made of: wait until it is so, then judge that it is only so."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fixtures.agent.attempts import Attempts
from suites.judges import dropped, half_open, unbroken, without_late_replies
from suites.oracles.outcomes import only
from suites.oracles.verdict import Judgement, require, right, undecided, wrong
from suites.reaching import Reaching

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from fixtures.clients import Client, Target
    from fixtures.proxy_state import ProxyState
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Pod

SYNCS = 2
"""The sync that is under way may have begun before a change; the one after it has it."""

REFUSALS = 10

FIRST = 3
"""Attempts that show that a client is served before it is tried whether it always is."""

RATE = 50.0
"""Attempts per second of a probe in the background: 20 ms without service would show."""

LONGEST = 1800.0
"""Seconds after which a probe in the background ends though nobody stopped it."""


class Check:
    """Waits and judgements of one case.

    Each method first waits until the state it names begins to hold (the build has
    `timeouts.programmed` seconds), then makes fresh attempts of which none may differ. Where the
    case has changed nothing since the nodes settled, the first look is the judgement.
    """

    def __init__(
        self,
        until: Until,
        timeouts: Timeouts,
        state: ProxyState,
        *,
        atomic: bool,
        in_turn: Callable[[], bool] = lambda: False,
        changes: Callable[[], int] | None = None,
        awake: Callable[[Collection[str]], bool] = lambda _names: False,
    ) -> None:
        """`changes` counts what the case has changed, where all its changes are counted.

        `in_turn` tells whether the nodes give connections to endpoints in turn, not at random.
        `awake` tells of nodes, by name, whether they are at work just now.
        """
        self.until = until
        self.timeouts = timeouts
        self._state = state
        self._atomic = atomic
        self._in_turn = in_turn
        self._changes = changes
        self._awake = awake
        self._ended: dict[tuple[str, str], tuple[int, int]] = {}
        """For each node and family the changes that the case had made, and how many syncs were
        waited for since."""

    def reaches(
        self,
        client: Client,
        target: Target,
        pods: Collection[Pod],
        *,
        count: int = 0,
        every_pod: bool = True,
        also: Callable[[Attempts], Judgement] | None = None,
        **options: Any,
    ) -> Attempts:
        """Every connection is answered, by exactly these pods; returns the judged attempts.

        Without `every_pod` it is enough that no other pod answers (session affinity). `also` is
        a further judge that has to agree, `options` are fields of the probe's plan.
        """
        names = {pod.identity for pod in pods}
        reaching = Reaching(names, every_pod=every_pod, in_turn=self._in_turn(), also=also)
        tries, seen = 0, Attempts()

        def probe(number: int) -> Attempts:
            return client.probe(target, number, timeout=self.timeouts.answer, **options)

        def holds() -> Judgement:
            nonlocal tries, seen
            tries += 1
            # One first: while the change has not arrived, an attempt may cost a timeout.
            first = client.probe(target, 1, timeout=self.timeouts.drop, **options)
            judgement = reaching.so_far(first)
            if judgement.ok is True:
                seen, judgement = reaching.look(probe)
            return judgement

        self.until(
            f"{client.name} reaches {_named(pods)} at {target}",
            holds,
            within=self.timeouts.programmed,
            consecutive=1,
        )
        if tries == 1 and self._is_settled(client, target):
            if count <= reaching.number:
                return seen
        elif not self._atomic:
            self.until_settled(client, target, syncs=1)
        attempts, judgement = reaching.look(probe, count)
        require(judgement)
        return attempts

    def until_settled(self, client: Client, target: Target, *, syncs: int = SYNCS) -> None:
        """Let the nodes on the way finish the sync that they are in the middle of, and one more.

        Syncs of the target's family, that is: the other family has its own.

        With `syncs` 1 only the first, which is enough where the change was seen to be in force at
        the target. Elsewhere it need not be: what was there before the change looks the same. So
        two of them, one after the other, settle a node, and one does not.
        Syncs are not atomic in IPVS mode: a new virtual server works first, then its address gets
        into the set of those whose other ports are refused, and only then its port into the set
        of those that are not (syncProxyRules in k/k pkg/proxy/ipvs/proxier.go).
        """
        changes = self._changes() if self._changes else 0
        nodes = self._state.on_the_way(client.node, target.host)
        settled = self.until.settled(
            f"kube-proxy near {client.name} has done what it knew of",
            self._state.after_sync(nodes, syncs, target.family),
            within=self.timeouts.programmed,
        )
        if settled:
            for key in [(node, target.family) for node in nodes]:
                known, before = self._ended.get(key, (changes, 0))
                self._ended[key] = (changes, syncs + (before if known == changes else 0))

    def _is_settled(self, client: Client, target: Target) -> bool:
        """Tell whether the case has changed nothing since the nodes on the way had settled."""
        if self._changes is None:
            return False
        nodes = self._state.on_the_way(client.node, target.host)
        ended = [self._ended.get((node, target.family), (-1, 0)) for node in nodes]
        return all(known == self._changes() and syncs >= SYNCS for known, syncs in ended)

    @contextmanager
    def meanwhile(
        self, client: Client, target: Target, *, in_one_sync: bool = False, **options: Any
    ) -> Iterator[None]:
        """No connection fails that `client` makes while the body of the `with` runs.

        With `in_one_sync` the body changes what is asked itself, so that modes whose syncs are not
        atomic may fail some: kube-proxy's IPVS mode changes one set and one server at a time
        (syncProxyRules in k/k pkg/proxy/ipvs/proxier.go).
        """
        self.until(
            f"{client.name} is answered at {target}",
            lambda: unbroken(
                client.probe(target, FIRST, timeout=self.timeouts.answer, **options), f"to {target}"
            ),
            within=self.timeouts.programmed,
        )
        running = client.start(
            target, rate=RATE, duration=LONGEST, timeout=self.timeouts.answer, **options
        )
        try:
            yield
        finally:
            attempts = running.stop()
        if not self._atomic and target.protocol == "udp":
            attempts = without_late_replies(attempts)
        if self._atomic or not in_one_sync:
            require(unbroken(attempts, f"to {target} meanwhile"))

    def refuses(self, client: Client, target: Target) -> Attempts:
        """Every attempt is refused: by RST, or by ICMP port unreachable.

        A UDP sender on the node itself is told by EPERM (nf_hook_slow in net/netfilter/core.c).
        """
        by_node = client.kind == "node" and target.protocol == "udp"
        allowed = {"refused", "unreachable"} if by_node else {"refused"}

        def judge(attempts: Attempts) -> Judgement:
            if len(attempts) and set(attempts.outcome) <= allowed:
                return right(f"all {len(attempts)} connections were refused")
            return only(asdict(attempts), "refused")

        return self._without_answer(
            f"{client.name} is refused at {target}", client, target, judge, self.timeouts.answer
        )

    def drops(self, client: Client, target: Target) -> Attempts:
        """No attempt is answered in any way."""
        return self._without_answer(
            f"{client.name} is dropped at {target}",
            client,
            target,
            lambda attempts: dropped(attempts, target.protocol),
            self.timeouts.drop,
        )

    def silent(self, client: Client, target: Target) -> Attempts:
        """No attempt reaches anybody: refused, unreachable or dropped, but never answered."""
        return self._without_answer(
            f"nobody answers {client.name} at {target}",
            client,
            target,
            nobody,
            self.timeouts.drop,
        )

    def _without_answer(
        self,
        name: str,
        client: Client,
        target: Target,
        judge: Callable[[Attempts], Judgement],
        timeout: float,
    ) -> Attempts:
        silence = False

        def probe() -> Judgement:
            nonlocal silence
            seen = client.probe(target, REFUSALS, timeout=self.timeouts.drop, concurrency=REFUSALS)
            silence = "timeout" in seen.outcome
            if not silence or judge(seen).ok is not True:
                return judge(seen)
            # Silence counts only after the sync that brings it.
            self.until_settled(client, target)
            return judge(self._in_vain(client, target))

        self.until(name, probe, within=self.timeouts.programmed, consecutive=1)
        if not silence and not self._atomic:
            self.until_settled(client, target, syncs=1)
        attempts = client.probe(target, REFUSALS, timeout=timeout, concurrency=REFUSALS)
        require(judge(attempts))
        return attempts

    def _in_vain(self, client: Client, target: Target) -> Attempts:
        """Attempt what nobody should answer, and wait for as long as it takes to be sure.

        A node that is too busy to answer for a moment looks like one that drops. Where all on the
        way are at work meanwhile, what has no answer in `timeouts.drop` has none.
        """
        many: dict[str, Any] = {"count": REFUSALS, "concurrency": REFUSALS}
        began = time.monotonic()
        running = client.start(target, timeout=self.timeouts.drop, **many)
        awake = self._awake(self._state.on_the_way(client.node, target.host))
        at_once = time.monotonic() - began < self.timeouts.drop
        attempts = running.wait()
        if awake and at_once and not half_open(attempts, target.protocol):
            return attempts
        return client.probe(target, timeout=self.timeouts.answer, **many)


def nobody(attempts: Attempts) -> Judgement:
    """Judge that no attempt was answered by any backend."""
    answered = attempts.by_backend()
    if not len(attempts):
        return undecided("nothing was attempted")
    if answered:
        names = ", ".join(f"{name} ({count})" for name, count in answered.items())
        return wrong(
            f"{answered.total()} of {len(attempts)} connections were answered by {names}; "
            "nobody should answer"
        )
    return right(f"none of {len(attempts)} connections was answered")


def sources(attempts: Attempts, allowed: Collection[str], what: str) -> Judgement:
    """Judge which source addresses the backends saw."""
    seen = attempts.sources()
    if not seen:
        return undecided("no backend said which source address it saw")
    if strange := set(seen) - set(allowed):
        return wrong(
            f"the backend saw source {', '.join(sorted(strange))}; it should see {what} "
            f"({', '.join(sorted(allowed))})"
        )
    return right(f"the backend saw {what} in all {seen.total()} connections")


def _named(pods: Collection[Pod]) -> str:
    names: Sequence[str] = sorted(pod.name for pod in pods)
    return ", ".join(names) if len(names) <= 4 else f"{len(names)} pods"
