"""locust for another Python: what pip is asked for, and what comes into the tar."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.errors import TestbedError
from clusters.parts.wheels import Interpreter, arguments, get_locust, interpreter_in

if TYPE_CHECKING:
    from clusters.parts.workshop import Workshop

SLIM = Interpreter("3.13", "x86_64", "glibc")


def test_wheels_of_the_pods_python_are_asked_for() -> None:
    """Version, machine and C library are the pod's, and nothing is compiled."""
    asked = arguments(SLIM, Path("/tree"))
    assert asked[asked.index("--python-version") + 1] == "3.13"
    assert asked[asked.index("--only-binary") + 1] == ":all:"
    assert "manylinux2014_x86_64" in asked
    musl = arguments(Interpreter("3.12", "aarch64", "musl"), Path("/tree"))
    platforms = [musl[i + 1] for i, word in enumerate(musl) if word == "--platform"]
    assert platforms == ["musllinux_1_1_aarch64", "musllinux_1_2_aarch64"]


def test_what_pip_brought_is_packed_without_what_nobody_imports(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules are in the tar, tests and scripts are not; a second call makes nothing."""
    asked: list[list[str]] = []

    def pip(argv: list[str], **_: object) -> str:
        asked.append(argv)
        tree = Path(argv[argv.index("--target") + 1])
        for path in ("locust/main.py", "gevent/tests/test_all.py", "bin/locust"):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text("")
        return ""

    monkeypatch.setattr(workshop.commands, "run", pip)
    with workshop.progress:
        packed = get_locust(workshop, SLIM)
        assert get_locust(workshop, SLIM) == packed
    assert len(asked) == 1
    with tarfile.open(packed) as tar:
        names = [member.name for member in tar if member.isfile()]
    assert names == ["./locust/main.py"]


def test_without_a_wheel_it_is_said_for_whom(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pods' Python is named beside what pip said."""

    def pip(*_: object, **__: object) -> str:
        raise TestbedError("no matching distribution")

    monkeypatch.setattr(workshop.commands, "run", pip)
    with (
        workshop.progress,
        pytest.raises(TestbedError, match=r"Python 3.13 \(glibc, x86_64\): no matching"),
    ):
        get_locust(workshop, SLIM)


def test_the_python_of_a_tree_is_found(tmp_path: Path) -> None:
    """By its program's name; a tree without one is told."""
    (tmp_path / "file").write_text("")
    for name, path in {"with": "./usr/bin/python3.11", "without": "./usr/bin/python3"}.items():
        with tarfile.open(tmp_path / f"{name}.tar", "w") as tar:
            tar.add(tmp_path / "file", path)
    assert interpreter_in(tmp_path / "with.tar").version == "3.11"
    with pytest.raises(TestbedError, match="no Python"):
        interpreter_in(tmp_path / "without.tar")
