"""The disk that a user-mode kernel starts kind clusters from: an ext4 image, never written to.

It holds what a node image consists of, docker's data root and containerd's state. Each run writes
to a copy-on-write file of its own (Documentation/virt/uml/user_mode_linux_howto_v2.rst).
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts import packages
from clusters.parts.packages import Need

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.kind.image import NodeImage
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

SIZE = "16G"
"""What the file system can grow to; the file has holes where nothing was written."""

STATES = 6
"""How many nodes it has a containerd state for, as links to one."""

NEEDS = (Need("e2fsprogs", ("mke2fs",)),)
NEED_BYTES = 2_500_000_000


def get_disk(workshop: Workshop, image: NodeImage) -> Path:
    """Return the image file of a disk with the node image; raises `TestbedError`."""

    def make(work: Path, step: Step) -> None:
        packages.ensure(NEEDS, workshop.commands, workshop.progress)
        tree, out = work / "tree", work / "out"
        for folder in (tree, out):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        link_tree(image.docker, tree / "docker")
        for number in range(1, STATES + 1):
            link_tree(image.containerd, tree / f"containerd-{number}")
        step.detail("writing the file system")
        mke2fs = packages.find_tool("mke2fs") or "mke2fs"
        # Nothing outlives a run, so the disk needs no journal.
        argv = ["nice", str(mke2fs), "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0"]
        argv += ["-E", "lazy_itable_init=1", "-d", str(tree), str(out / "disk.img"), SIZE]
        workshop.commands.run(argv)
        shutil.rmtree(tree)

    inputs = {"image": image.docker.parent.name, "size": SIZE, "recipe": "2"}
    entry = workshop.cache.get_or_make(
        f"kind-disk-{image.version}", inputs, make, workshop.progress, need_bytes=NEED_BYTES
    )
    return entry / "disk.img"


def link_tree(source: Path, target: Path) -> None:
    """Copy a tree as hard links, with copies of the databases that are written in place.

    Layers of images and blobs are only ever read. Raises `TestbedError`.
    """
    argv = ["cp", "-al", str(source), str(target)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TestbedError(f"{' '.join(argv)}: {done.stderr.strip()}")
    for path in source.rglob("*.db"):
        copy = target / path.relative_to(source)
        copy.unlink()
        shutil.copy2(path, copy)
