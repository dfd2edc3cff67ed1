"""What the modes are documented to do differently, each with its source: no failures.

`python -m suites.differential.documented > docs/mode-differences.md` writes the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suites.oracles.differences import Documented

DOCUMENTED: tuple[Documented, ...] = ()
