"""What is still there, or not there any more, of what somebody put on a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, listing, right, wrong

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def none_left(
    where: str, found: Mapping[str, Collection[str]], *, but: Collection[str] = ()
) -> Judgement:
    """Judge that nothing is left of any kind (mode) but of those in `but`."""
    left = [f"{what}" for kind, names in found.items() if kind not in but for what in names]
    if left:
        return wrong(f"{where} still has {listing(left, 'and')}; nothing should be left")
    return right(f"nothing is left on {where}")


def unchanged(where: str, before: Mapping[str, object], after: Mapping[str, object]) -> Judgement:
    """Judge that everything that was there before is there as it was, and nothing more."""
    changed = [
        f"{name}: {before.get(name)!r} became {after.get(name)!r}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if changed:
        return wrong(f"{where} changed what is not kube-proxy's: {changed[0]}", "\n".join(changed))
    return right(f"all {len(before)} foreign things on {where} are as they were")


def same_members(where: str, found: Collection[str], wanted: Collection[str]) -> Judgement:
    """Judge that a set on a node holds exactly what it should."""
    extra, missing = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
    complaints = []
    if extra:
        complaints.append(f"has {listing(extra, 'and')}, which should not be there")
    if missing:
        complaints.append(f"lacks {listing(missing, 'and')}")
    if complaints:
        return wrong(f"{where} {' and '.join(complaints)}")
    return right(f"{where} has exactly the {len(set(wanted))} members that it should have")


def back_to(where: str, now: Mapping[str, int], base: Mapping[str, int]) -> Judgement:
    """Judge that figures are again what they were."""
    more = [
        f"{now.get(name, 0)} {name}, not {base.get(name, 0)}"
        for name in sorted(now.keys() | base.keys())
        if now.get(name, 0) != base.get(name, 0)
    ]
    if more:
        return wrong(f"{where} has {listing(more, 'and')} as before")
    return right(f"{where} has as much as before: {dict(base)}")
