"""The disk that kind clusters in a user-mode kernel start from."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from clusters.kind.disk import get_disk
from clusters.kind.image import NodeImage
from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.packages import find_tool
from clusters.parts.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

needs_tools = pytest.mark.skipif(
    not (find_tool("mke2fs") and find_tool("debugfs")), reason="e2fsprogs is not installed"
)


def debugfs(disk: Path, *command: str) -> str:
    """Ask the file system in an image."""
    tool: Sequence[str] = [str(find_tool("debugfs")), "-R", " ".join(command), str(disk)]
    return subprocess.run(tool, check=True, capture_output=True, text=True).stdout


@needs_tools
def test_the_disk_holds_the_node_image_once(tmp_path: Path) -> None:
    """Both folders are on it, byte for byte and with their links, and the file is mostly holes."""
    entry = tmp_path / "kind-node-v1-abc"
    (entry / "docker/overlay2/l").mkdir(parents=True)
    (entry / "docker/overlay2/l/X").symlink_to("../x")
    (entry / "containerd").mkdir()
    (entry / "containerd/blob").write_text("content")
    (entry / "containerd/blob").chmod(0o444)
    image = NodeImage("v1", "node:v1", entry / "docker", entry / "containerd", tmp_path / "tree")
    commands = Commands()
    shop = Workshop(Cache(tmp_path / "cache", commands.stopping), commands)
    disk = get_disk(shop, image)
    assert debugfs(disk, "cat", "/containerd/blob") == "content"
    assert "Mode:  0444" in debugfs(disk, "stat", "/containerd/blob")
    assert '"../x"' in debugfs(disk, "stat", "/docker/overlay2/l/X")
    assert "has_journal" not in debugfs(disk, "show_super_stats", "-h")
    status = disk.stat()
    assert status.st_size == 16 << 30
    assert status.st_blocks * 512 < 100 << 20
    assert (entry / "containerd/blob").stat().st_nlink == 1, "a link to the cache was left behind"
    assert get_disk(shop, image) == disk
