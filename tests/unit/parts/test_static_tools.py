"""Where the tools of nodes cannot be linked statically, runs go on with the machine's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.static_tools import PROGRAMS, _Build, get_static_tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.parts.workshop import Workshop

    Tool = Callable[[str, str], None]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Give a function that puts a shell script first on PATH; nothing else is there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.mark.usefixtures("tool")
def test_without_debian_packages_nothing_is_tried(workshop: Workshop) -> None:
    """A machine of another distribution gets no step and no wait."""
    assert get_static_tools(workshop) is None
    assert not list((workshop.cache.root / "work").iterdir())


def test_a_failure_is_said_and_remembered(workshop: Workshop, tmp_path: Path, tool: Tool) -> None:
    """The next run does not ask the archive again for a day."""
    calls = tmp_path / "calls"
    tool("dpkg-query", "echo 1.0-1")
    tool("apt-get", f"echo call >> {calls}; exit 100")
    for name in ("apt-cache", "patch", "dpkg-source"):
        tool(name, "exit 1")
    assert get_static_tools(workshop) is None
    asked = calls.read_text() if calls.exists() else ""
    assert get_static_tools(workshop) is None
    assert (calls.read_text() if calls.exists() else "") == asked
    memo = workshop.cache.root / "memo" / "static-tools.json"
    assert memo.exists()


def test_another_version_than_the_machine_s_is_refused(
    workshop: Workshop, tmp_path: Path, tool: Tool
) -> None:
    """What kube-proxy calls has to be what the machine would have run."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "ipset").write_text("#!/bin/sh\necho ipset v7.1\n")
    (out / "ipset").chmod(0o755)
    tool("ipset", "echo ipset v7.17")
    build = _Build.__new__(_Build)
    build.commands, build.work = workshop.commands, tmp_path
    with pytest.raises(TestbedError, match=r"built as 'ipset v7\.1'.*'ipset v7\.17'"):
        build._compare(PROGRAMS[0])
    tool("ipset", "echo ipset v7.1")
    build._compare(PROGRAMS[0])
