"""A kube-proxy with a defect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusters.errors import HarnessError
from clusters.parts.overlay import copy_source, write_overlay


def source(tmp_path: Path) -> Path:
    folder = tmp_path / "copy/pkg/proxy"
    folder.mkdir(parents=True)
    (folder / "a.go").write_text("package proxy // one, two, two\n")
    return tmp_path / "copy"


def test_the_overlay_names_the_original_and_holds_the_change(tmp_path: Path) -> None:
    """The source itself stays as it was, for the next change."""
    copy, work = source(tmp_path), tmp_path / "work"
    work.mkdir()
    overlay = write_overlay(copy, {"pkg/proxy/a.go": ("one", "1")}, work)
    [(original, changed)] = json.loads(overlay.read_text())["Replace"].items()
    assert original == str(copy / "pkg/proxy/a.go")
    assert Path(changed).read_text() == "package proxy // 1, two, two\n"
    assert Path(original).read_text() == "package proxy // one, two, two\n"


def test_a_text_that_is_not_there_exactly_once_is_refused(tmp_path: Path) -> None:
    """A defect that silently changes nothing would pass for a good build."""
    copy = source(tmp_path)
    for old, times in (("three", 0), ("two", 2)):
        with pytest.raises(HarnessError, match=f"occurs {times} times, not 1"):
            write_overlay(copy, {"pkg/proxy/a.go": (old, "x")}, tmp_path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    """Files move between releases."""
    with pytest.raises(HarnessError, match=r"no pkg/gone\.go in this Kubernetes version"):
        write_overlay(source(tmp_path), {"pkg/gone.go": ("a", "b")}, tmp_path)


def test_the_copy_is_writable_and_holds_all_code(tmp_path: Path) -> None:
    """Top-level documents and tests stay behind, packages of the same name do not."""
    module = tmp_path / "module"
    for name in ("pkg/api/a.go", "pkg/api/a_test.go", "api/openapi.json", "go.mod"):
        (module / name).parent.mkdir(parents=True, exist_ok=True)
        (module / name).write_text("x")
        (module / name).chmod(0o444)
    (module / "pkg/api").chmod(0o555)
    copy_source(module, tmp_path / "copy")
    files = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*.*")}
    assert files == {"pkg/api/a.go", "go.mod"}
    assert all(path.stat().st_mode & 0o200 for path in (tmp_path / "copy").rglob("*"))
