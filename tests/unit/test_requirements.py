"""What `tox -e ipvs` installs is all that it needs: the project's own tests have no more than that.

The one place where a run could use a library that only its developers have would be an import.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = ("clusters", "fixtures", "reports", "suites", "tests")


def imported(folder: Path) -> set[str]:
    """Return the top-level modules that anything below `folder` imports, also for types only."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for statement in ast.walk(ast.parse(path.read_text())):
            if isinstance(statement, ast.Import):
                found.update(name.name.partition(".")[0] for name in statement.names)
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                found.add(str(statement.module).partition(".")[0])
    return found


def with_what_they_need(names: set[str]) -> set[str]:
    """Return distributions and all that is installed because of them, in lower case."""
    known: set[str] = set()
    todo = {name.lower() for name in names}
    while todo:
        name = todo.pop()
        known.add(name)
        needed = [line for line in requires(name) or [] if "extra ==" not in line]
        todo |= {name_of(line) for line in needed if ";" not in line} - known
    return known


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower()


def test_every_import_is_of_a_library_that_a_run_installs() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    declared = with_what_they_need({name_of(line) for line in groups["run"]})
    provided = packages_distributions()
    missing = {
        module
        for folder in OWN
        for module in imported(ROOT / folder)
        if module not in {*sys.stdlib_module_names, *OWN}
        and not declared & {name.lower().replace("_", "-") for name in provided.get(module, [])}
    }
    assert not missing
