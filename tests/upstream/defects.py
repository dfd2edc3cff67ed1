"""A kube-proxy with defects of the mutation catalogue, to see both fail of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.mutation.defect import Defect


def edits_of(
    names: Sequence[str], mode: str, defects: Iterable[Defect]
) -> dict[str, tuple[str, str]]:
    """Return the edits of named defects together.

    Raises ConfigError for a name that no defect of the mode has, and for two in one file.
    """
    known = {defect.name: defect for defect in defects if mode in defect.modes}
    edits: dict[str, tuple[str, str]] = {}
    for name in names:
        if name not in known:
            raise ConfigError(f"--defect {name}: no defect of {mode} mode is called that")
        if clash := set(edits) & set(known[name].edits):
            raise ConfigError(f"--defect {name}: another one changes {min(clash)} as well")
        edits |= known[name].edits
    return edits
