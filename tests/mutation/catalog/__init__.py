"""All defects, a module for each area of kube-proxy."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.mutation.defect import Defect


def all_defects() -> list[Defect]:
    """Return the defects of every module of this package, in the order of their names."""
    found: list[Defect] = []
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        found += import_module(f"{__name__}.{module.name}").DEFECTS
    return found
