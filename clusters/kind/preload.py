"""Put images into a node's tree before it is a node, with the tree's own containerd.

Runs as a program in network and mount namespaces of its own, so that nothing it mounts or starts
outlives it: `unshare -nm python -m clusters.kind.preload TREE IMAGES`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from clusters.embedded import namespaces

UP_WITHIN = 30.0
MS_BIND = 0x1000


def mount_in(tree: Path, images: Path) -> None:
    """Mount what programs in the tree need, and the archives at /run/images."""
    namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount(str(tree), str(tree), "", MS_BIND)
    for kind, target in (("proc", "proc"), ("sysfs", "sys"), ("tmpfs", "run"), ("tmpfs", "tmp")):
        namespaces.mount(kind, str(tree / target), kind)
    namespaces.mount("/dev", str(tree / "dev"), "", MS_BIND | namespaces.MS_REC)
    (tree / "run/images").mkdir()
    namespaces.mount(str(images), str(tree / "run/images"), "", MS_BIND)


def wait_up(tree: Path, daemon: subprocess.Popen[bytes]) -> None:
    """Wait until containerd answers; raises SystemExit with what happened instead."""
    deadline = time.monotonic() + UP_WITHIN
    while subprocess.run(
        ["chroot", str(tree), "ctr", "version"], capture_output=True, check=False
    ).returncode:
        if daemon.poll() is not None:
            sys.exit(f"containerd ended with status {daemon.returncode}")
        if time.monotonic() > deadline:
            sys.exit(f"containerd did not answer within {UP_WITHIN:g} s")
        time.sleep(0.1)


def main(tree: Path, images: Path) -> None:
    """Import every archive into the namespace that the kubelet looks in."""
    names = sorted(path.name for path in images.glob("*.tar"))
    mount_in(tree, images)
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    daemon = subprocess.Popen(["chroot", str(tree), "containerd", "-l", "warn"])
    try:
        wait_up(tree, daemon)
        ctr = ["chroot", str(tree), "ctr", "-n", "k8s.io", "images", "import"]
        for name in names:
            print(f"importing {name}", flush=True)  # noqa: T201 - shown as progress
            subprocess.run(
                [*ctr, "--all-platforms", "--snapshotter=overlayfs", f"/run/images/{name}"],
                check=True,
                stdout=subprocess.DEVNULL,
            )
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute())
