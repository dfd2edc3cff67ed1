"""A change to a source file that fits in exactly one way, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Edit:
    """Replace `old` by `new` in `file`, where `old` must occur exactly `times` times."""

    file: str
    old: str
    new: str
    times: int = 1


def apply_edits(text: str, edits: Sequence[Edit], where: str) -> str:
    """Return the text with all edits made, one after another.

    Raises TestbedError when an anchor does not occur exactly as often as expected: then the source
    is not what these edits were written for, and guessing would hide it.
    """
    for edit in edits:
        seen = text.count(edit.old)
        if seen != edit.times:
            anchor = " ".join(edit.old.split())
            raise TestbedError(
                f"{where}: expected `{anchor}` {edit.times} times, found it {seen} times; "
                f"the change does not fit this kernel source"
            )
        text = text.replace(edit.old, edit.new)
    return text
