"""Changes of the source that look like defects and are none, each with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutation.defect import Equivalent

EQUIVALENTS: tuple[Equivalent, ...] = ()
