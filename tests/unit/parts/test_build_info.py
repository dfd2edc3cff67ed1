"""What the user gave as the build to judge."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError
from clusters.parts.build_info import get_build, inspect

if TYPE_CHECKING:
    from clusters.parts.workshop import Workshop

ARM64_ON_AMD64 = 183


def refused(workshop: Workshop, path: Path | str) -> str:
    with pytest.raises(ConfigError) as caught:
        get_build(workshop, str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_missing_file_is_named(workshop: Workshop, tmp_path: Path) -> None:
    """A path that is not there is not taken for anything else."""
    assert "no such file" in refused(workshop, tmp_path / "kube-proxy")


def test_a_word_that_is_neither_file_nor_version_says_both(workshop: Workshop) -> None:
    """A typo in a version is told how versions look."""
    assert "nor is it a version such as" in refused(workshop, "v1,34")


def test_a_directory_hints_at_the_binary_in_it(workshop: Workshop, tmp_path: Path) -> None:
    """The usual slip is to give the output directory."""
    assert "is a directory" in refused(workshop, tmp_path)
    (tmp_path / "kube-proxy").touch()
    assert "did you mean the kube-proxy in it?" in refused(workshop, tmp_path)


def test_a_text_file_is_called_one(workshop: Workshop, tmp_path: Path) -> None:
    """Even when it is executable."""
    path = tmp_path / "kube-proxy"
    path.write_text("not a program\n")
    path.chmod(0o755)
    assert "is a text file ('not a program' ...), not a Linux program" in refused(workshop, path)


def test_another_architecture_names_both(workshop: Workshop, tmp_path: Path) -> None:
    """The e_machine of the header is compared with this machine's."""
    path = tmp_path / "kube-proxy"
    head = bytearray(Path("/bin/true").read_bytes()[:64])
    head[18] = 62 if head[18] == ARM64_ON_AMD64 else ARM64_ON_AMD64
    path.write_bytes(head)
    path.chmod(0o755)
    message = refused(workshop, path)
    assert "is for" in message
    assert "this machine is" in message


def test_a_binary_without_the_x_bit_gets_the_command(workshop: Workshop, tmp_path: Path) -> None:
    """A program downloaded without its mode is told what to type."""
    path = tmp_path / "kube-proxy"
    shutil.copyfile("/bin/true", path)
    assert f"chmod +x {path}" in refused(workshop, path)


def test_another_program_is_not_kube_proxy(workshop: Workshop, tmp_path: Path) -> None:
    """A real program that answers --version in another way."""
    path = tmp_path / "kube-proxy"
    shutil.copy2("/bin/true", path)
    assert "is not kube-proxy" in refused(workshop, path)


def test_what_a_binary_answered_is_kept_until_it_changes(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second look at the same file asks nothing; a changed file is asked again."""
    path = tmp_path / "kube-proxy"
    shutil.copy2("/bin/true", path)
    asked: list[str] = []

    def answer(given: str, _path: Path) -> str:
        asked.append(given)
        return "v1.34.4"

    monkeypatch.setattr("clusters.parts.build_info.ask_version", answer)
    first = inspect(workshop, "mine", path)
    again = inspect(workshop, "mine", path)
    assert first == again
    assert first.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert asked == ["mine"]
    with path.open("ab") as file:
        file.write(b"x")
    assert inspect(workshop, "mine", path).sha256 != first.sha256
    assert asked == ["mine", "mine"]
