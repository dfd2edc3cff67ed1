"""What the tests of the parts share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable

    Spawn = Callable[[str], subprocess.Popen[str]]

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    """Give a workshop on an empty cache, with no release server to ask."""
    commands = Commands()
    shop = Workshop(Cache(tmp_path / "cache", commands.stopping), commands)
    shop.releases._reachable = False
    return shop


@pytest.fixture
def spawn() -> Spawn:
    """Start a Python process of its own that can import the project; ended by the test itself."""

    def start(code: str) -> subprocess.Popen[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
        )

    return start
