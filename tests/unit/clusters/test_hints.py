"""What messages tell a person to type."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from clusters.hints import clusters_command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_python_is_named_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An interpreter below the current folder is named from there, another one as it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".tox/run/bin/python"))
    assert clusters_command("down", "a b") == ".tox/run/bin/python -m clusters down 'a b'"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert clusters_command("list") == "/usr/bin/python3 -m clusters list"
