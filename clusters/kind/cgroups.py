"""The cgroup hierarchies of a run: mounted for its dockerd, removed when it is gone."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "proxyproof-"
REMOVED_WITHIN = 5.0
POLL = 0.1


def parent(run: str) -> str:
    """Return the cgroup that all containers of a run are below."""
    return f"/{PREFIX}{run}"


def is_v1(root: Path = ROOT) -> bool:
    """Tell whether the machine has the hierarchies of cgroup v1."""
    return not (root / "cgroup.controllers").exists()


def mounts(mountinfo: str) -> list[list[str]]:
    """Return the commands that mount the machine's hierarchies again, over a fresh /sys.

    `mountinfo` is /proc/self/mountinfo of the machine (proc(5)).
    """
    hierarchies: dict[str, list[str]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split()[4]
        kind, _, options = after.split()[:3]
        if kind == "cgroup2" and point == str(ROOT):
            return [["mount", "-t", "cgroup2", "cgroup2", point]]
        if kind == "cgroup2" and point.startswith(f"{ROOT}/"):
            # Without it the systemds of all nodes would share the root of this hierarchy.
            hierarchies[point] = ["mount", "-t", "cgroup2", "cgroup2", point]
        if kind == "cgroup" and point.startswith(f"{ROOT}/"):
            named = [
                o for o in options.split(",") if o not in {"rw", "ro", "xattr", "clone_children"}
            ]
            wanted = ["none", *named] if any("=" in o for o in named) else named
            hierarchies[point] = ["mount", "-t", "cgroup", "-o", ",".join(wanted), "cgroup", point]
    if not hierarchies:
        return []
    commands = [["mount", "-t", "tmpfs", "-o", "mode=0755", "cgroup", str(ROOT)]]
    commands.append(["mkdir", *hierarchies])
    return commands + list(hierarchies.values())


def remove(run: str, root: Path = ROOT, within: float = REMOVED_WITHIN) -> None:
    """Remove a run's cgroups; what processes do not leave within so many seconds stays."""
    deadline = time.monotonic() + within
    while _remove(run, root) and time.monotonic() < deadline:
        time.sleep(POLL)


def _remove(run: str, root: Path) -> bool:
    """Remove what can be removed and tell whether something is left."""
    name = f"{PREFIX}{run}"
    for top in (root / name, *root.glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
    return (root / name).exists() or any(root.glob(f"*/{name}"))


def left_behind(alive: set[str], root: Path = ROOT) -> set[str]:
    """Return the runs that have cgroups and are no longer `alive`."""
    found = {path.name for path in (*root.glob(f"{PREFIX}*"), *root.glob(f"*/{PREFIX}*"))}
    return {name.removeprefix(PREFIX) for name in found} - alive
