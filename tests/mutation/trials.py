"""Which defects are tried in which mode."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from clusters.errors import ConfigError
from tests.mutation.defect import VERSION, Defect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from clusters.protocol import Mode


@dataclass(frozen=True, slots=True)
class Trial:
    """One defect in one mode."""

    defect: Defect
    mode: Mode

    @property
    def key(self) -> str:
        """What the result is filed under: another text, version or case makes it another trial."""
        parts: list[object] = [VERSION, self.defect.name, self.mode, dict(self.defect.edits)]
        parts.append(sorted(self.defect.caught_by))
        if self.defect.fresh:
            parts.append("fresh")
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.defect.name} ({self.mode})"


def trials_of(defects: Iterable[Defect], modes: Sequence[Mode]) -> list[Trial]:
    """Return the trials of each mode together, as one cluster serves one mode.

    In each mode the defects come first that only few modes have, since the others show elsewhere
    as well.
    """
    defects = sorted(defects, key=lambda defect: len(defect.modes))
    return [Trial(defect, mode) for mode in modes for defect in defects if mode in defect.modes]


def only(trials: Sequence[Trial], names: Collection[str]) -> list[Trial]:
    """Keep the trials whose defect has one of the names, or matches one as a pattern.

    Raises ConfigError for a name that no defect has, since a misspelt one would try nothing.
    """
    if not names:
        return list(trials)
    for name in names:
        if not any(fnmatch(trial.defect.name, name) for trial in trials):
            raise ConfigError(f"no defect of these modes is called {name}; see --list")
    return [t for t in trials if any(fnmatch(t.defect.name, name) for name in names)]


def check_catalogue(defects: Iterable[Defect]) -> None:
    """Raise ConfigError where two defects of one mode have one name, or nothing is to catch one."""
    seen: set[str] = set()
    for trial in (Trial(defect, mode) for defect in defects for mode in defect.modes):
        if str(trial) in seen:
            raise ConfigError(f"two defects are called {trial}")
        seen.add(str(trial))
        if not trial.defect.caught_by:
            raise ConfigError(f"{trial} names no case that is to catch it")
