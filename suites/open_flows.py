"""Judges of open flows over a change: which may change their backend, and which may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, right, undecided, wrong

if TYPE_CHECKING:
    from collections.abc import Collection

    from fixtures.agent.attempts import Attempts


def held_by(before: Attempts, after: Attempts, loose: Collection[str] = ()) -> Judgement:
    """Judge that every open flow is answered, and moved only away from a backend of `loose`."""
    if len(before) != len(after) or not before.ok:
        return undecided(f"only {before.by_backend().total()} of {len(before)} flows opened")
    pairs = list(zip(before, after, strict=True))
    dead = [now for _, now in pairs if now.outcome not in {"alive", "ok"}]
    if dead:
        return wrong(
            f"{len(dead)} of {len(pairs)} open flows are not answered, the first: "
            f"{dead[0].outcome} ({dead[0].error or 'no answer'})"
        )
    moved = [(a, b) for a, b in pairs if a.backend != b.backend and a.backend not in loose]
    if moved:
        was, now = moved[0]
        return wrong(
            f"{len(moved)} of {len(pairs)} open flows changed their backend, "
            f"one from {was.backend} to {now.backend}"
        )
    return right(f"all {len(pairs)} open flows are answered by the backend they should have")


def ended(before: Attempts, after: Attempts, gone: Collection[str]) -> Judgement:
    """Judge that just the flows of the backends `gone` have been ended by them."""
    pairs = list(zip(before, after, strict=True))
    theirs = [now for was, now in pairs if was.backend in gone]
    if not theirs or len(theirs) == len(pairs):
        return undecided(f"{len(theirs)} of {len(pairs)} flows were with the backends that ended")
    if living := [now for now in theirs if now.outcome not in {"reset", "closed"}]:
        return wrong(
            f"{len(living)} of {len(theirs)} flows are {living[0].outcome} "
            "although their backend has ended them"
        )
    others = [now for was, now in pairs if was.backend not in gone]
    if lost := [now for now in others if now.outcome != "alive"]:
        return wrong(f"{len(lost)} of {len(others)} flows of other backends are {lost[0].outcome}")
    return right(f"just the {len(theirs)} flows of the backends that ended have ended")
