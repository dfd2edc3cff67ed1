"""The disk that kind clusters in a user-mode kernel start from."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusters.kind.disk import STATES, get_disk, link_tree
from clusters.kind.image import NodeImage
from clusters.parts.cache import Cache
from clusters.parts.commands import Commands
from clusters.parts.packages import find_tool
from clusters.parts.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    assert debugfs(disk, "cat", "/containerd-1/blob") == "content"
    assert "Mode:  0444" in debugfs(disk, "stat", f"/containerd-{STATES}/blob")
    assert f"Links: {STATES}" in debugfs(disk, "stat", "/containerd-1/blob")
    assert '"../x"' in debugfs(disk, "stat", "/docker/overlay2/l/X")
    assert "has_journal" not in debugfs(disk, "show_super_stats", "-h")
    status = disk.stat()
    assert status.st_size == 16 << 30
    assert status.st_blocks * 512 < 100 << 20
    assert (entry / "containerd/blob").stat().st_nlink == 1, "a link to the cache was left behind"
    assert get_disk(shop, image) == disk


def test_databases_are_copies_and_the_rest_is_links(tmp_path: Path) -> None:
    """What is written in place is each node's own; layers and blobs take no room."""
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/meta.db").write_text("1")
    (source / "a/blob").write_text("2")
    (source / "a/link").symlink_to("nowhere")
    link_tree(source, target)
    (target / "a/b/meta.db").write_text("3")
    assert (source / "a/b/meta.db").read_text() == "1"
    assert (source / "a/blob").samefile(target / "a/blob")
    assert (target / "a/link").readlink() == Path("nowhere")
