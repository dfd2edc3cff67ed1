"""Judges of a probe's attempts beside those of the oracles: who answered where, and as whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from fixtures.agent.attempts import Attempt, Attempts
from suites.oracles.history import PAST_THE_NODE
from suites.oracles.outcomes import only
from suites.oracles.verdict import Judgement, listing, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def unbroken(attempts: Attempts, which: str) -> Judgement:
    """Judge that not one of many attempts failed; `which` completes "connections"."""
    total, failed = len(attempts), len(attempts) - attempts.by_backend().total()
    if not total:
        return undecided(f"no connection was made {which}")
    if not failed:
        return right(f"all {total} connections {which} succeeded")
    first = attempts.first_failure()
    how = "had no backend" if first is None else f"{first.outcome} ({first.error or 'no answer'})"
    return wrong(f"{failed} of {total} connections {which} failed, the first: {how}")


def without_late_replies(attempts: Attempts) -> Attempts:
    """Leave out datagrams whose reply came from the endpoint's own address, if the next one passed.

    IPVS forgets the flows of a real server that is deleted (ip_vs_expire_nodest_conn_flush in
    net/netfilter/ipvs/ip_vs_conn.c; kube-proxy sets net.ipv4.vs.expire_nodest_conn). So nobody
    gives the Service's address back to the reply to a datagram that is under way just then.
    """
    rows = list(attempts)
    kept = [
        row
        for row, following in zip(rows, [*rows[1:], None], strict=True)
        if not (
            row.outcome == "garbled"
            and str(row.error).startswith(PAST_THE_NODE)
            and following is not None
            and following.backend is not None
        )
    ]
    return attempts.of({name: [getattr(row, name) for row in kept] for name in Attempt._fields})


def dropped(attempts: Attempts, protocol: str) -> Judgement:
    """Judge that nothing at all came back, so that in TCP not even the handshake was made.

    A connection of which only later packets are lost has passed whoever should have dropped it.
    """
    judgement = only(asdict(attempts), "timeout")
    made = sum(connected is not None for connected in attempts.connect_ns)
    if judgement.ok and protocol == "tcp" and made:
        return wrong(
            f"{made} of {len(attempts)} connections were established, though nobody answered them; "
            "every one should have timed out"
        )
    return judgement


def half_open(attempts: Attempts, protocol: str) -> bool:
    """Tell whether a connection that had no answer in time was made, so that one may come yet."""
    return protocol != "udp" and any(
        one.outcome == "timeout" and one.connect_ns is not None for one in attempts
    )


def one_backend(attempts: Attempts) -> Judgement:
    """Judge that one backend answered all attempts, as with session affinity."""
    seen = attempts.by_backend()
    if not seen:
        return undecided("nobody answered, so nothing shows whether clients stay with one backend")
    if len(seen) > 1:
        spread = listing([f"{name} ({count})" for name, count in sorted(seen.items())], "and")
        return wrong(f"one client's connections went to {spread}; they should stay with one")
    return right(f"all {seen.total()} connections went to {next(iter(seen))}")


def arrives_at(attempts: Attempts, ports: Mapping[str, int]) -> Judgement:
    """Judge on which of its ports each backend, by identity, was reached."""
    seen = {(a.backend, a.server_port) for a in attempts if a.backend is not None}
    if not seen:
        return undecided("nobody answered, so nothing shows which port is reached")
    strange = sorted(f"{name} on {port}" for name, port in seen if ports.get(str(name)) != port)
    if strange:
        should = listing(sorted(f"{name} on {port}" for name, port in ports.items()), "and")
        return wrong(f"connections reached {listing(strange, 'and')}; they should reach {should}")
    return right("every connection reached the right port of its backend")


def seen_as(attempts: Attempts, addresses: Mapping[str, str], what: str) -> Judgement:
    """Judge which source address each backend, by identity, saw; `what` names the right one."""
    seen = {
        (a.backend, a.source.rpartition(":")[0].strip("[]"))
        for a in attempts
        if a.backend is not None and a.source is not None
    }
    if not seen:
        return undecided("no backend said which source address it saw")
    strange = [
        f"{name} saw {address} and not {addresses.get(str(name))}"
        for name, address in sorted(seen)
        if addresses.get(str(name)) != address
    ]
    if strange:
        return wrong(f"backends should see {what}, but {listing(strange, 'and')}")
    return right(f"every backend saw {what}")


def same_backends(before: Attempts, after: Attempts, cut: Collection[str] = ()) -> Judgement:
    """Judge that connections held open live, each with the backend that it had.

    Those to a backend of `cut` may have ended.
    """
    if len(before) != len(after) or not before.ok:
        return undecided(f"only {before.by_backend().total()} of {len(before)} opened")
    pairs = list(zip(before, after, strict=True))
    ended = [(was, now) for was, now in pairs if now.outcome not in {"alive", "ok"}]
    lost = [now for was, now in ended if was.backend not in cut]
    if lost:
        return wrong(f"{len(lost)} of {len(pairs)} open connections ended: {lost[0].outcome}")
    living = [pair for pair in pairs if pair not in ended]
    moved = [(was, now) for was, now in living if was.backend != now.backend]
    if moved:
        was, now = moved[0]
        return wrong(
            f"{len(moved)} of {len(pairs)} open flows changed their backend, "
            f"one from {was.backend} to {now.backend}"
        )
    return right(f"{len(living)} of {len(pairs)} open connections live on with their backends")
