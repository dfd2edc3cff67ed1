"""Which system packages are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts import packages
from clusters.parts.commands import Commands
from clusters.parts.packages import Need, ensure, missing
from clusters.parts.progress import Recorder

if TYPE_CHECKING:
    from pathlib import Path

PRESENT = Need("present", ("tool",))
ABSENT = Need("absent-one", ("tool", "no-such-tool-here"))
HEADERLESS = Need("absent-two", headers=("no/such/header.h",))


@pytest.fixture(autouse=True)
def _one_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "SYSTEM_DIRS", ())


def test_a_package_is_missing_when_one_of_its_tools_is() -> None:
    """Tools decide, wherever they came from; headers likewise."""
    assert missing([PRESENT, ABSENT, HEADERLESS]) == ["absent-one", "absent-two"]


def test_system_directories_count_without_being_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ordinary user on Debian has no /usr/sbin on PATH."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing([PRESENT]) == ["present"]
    monkeypatch.setattr(packages, "SYSTEM_DIRS", (tmp_path,))
    assert missing([PRESENT]) == []


def test_without_apt_the_packages_are_named() -> None:
    """On another distribution the user learns what to look for."""
    with pytest.raises(TestbedError, match=r"not a Debian machine.*absent-one, absent-two"):
        ensure([PRESENT, ABSENT, HEADERLESS], Commands(), Recorder())


def test_without_root_the_exact_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line to copy."""
    (tmp_path / "tool").rename(tmp_path / "apt-get")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    wanted = r"sudo apt-get install -y --no-install-recommends absent-one$"
    with pytest.raises(TestbedError, match=wanted):
        ensure([Need("absent-one", ("no-such-tool-here",))], Commands(), Recorder())


def test_root_installs_what_is_missing_and_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """apt-get is called without questions, and the tools are looked for afterwards."""
    log = tmp_path / "log"
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >> {log}\n'
        f"printf '#!/bin/sh\\n' > {tmp_path}/new-tool\n/bin/chmod +x {tmp_path}/new-tool\n"
    )
    apt.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ensure([PRESENT, Need("new", ("new-tool",))], Commands(), Recorder())
    last = log.read_text().splitlines()[-1]
    assert last.startswith("noninteractive install -y --no-install-recommends new ")
    assert "DPkg::Lock::Timeout=120" in last
