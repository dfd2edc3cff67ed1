"""Which hierarchies a run mounts again, and which it removes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.kind import cgroups

if TYPE_CHECKING:
    from pathlib import Path

V1 = """\
20 1 0:20 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
21 20 0:21 / /sys/fs/cgroup/cpu rw,relatime shared:3 - cgroup cgroup rw,cpu,cpuacct
22 20 0:22 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
23 20 0:23 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
24 1 0:24 / /proc rw - proc proc rw
"""
V2 = "30 29 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_hierarchies_of_v1_are_mounted_by_their_controllers() -> None:
    """Each hierarchy at its own place, a named one by its name, the unified one among them."""
    root = "/sys/fs/cgroup"
    assert cgroups.mounts(V1) == [
        ["mount", "-t", "tmpfs", "-o", "mode=0755", "cgroup", root],
        ["mkdir", f"{root}/cpu", f"{root}/systemd", f"{root}/unified"],
        ["mount", "-t", "cgroup", "-o", "cpu,cpuacct", "cgroup", f"{root}/cpu"],
        ["mount", "-t", "cgroup", "-o", "none,name=systemd", "cgroup", f"{root}/systemd"],
        ["mount", "-t", "cgroup2", "cgroup2", f"{root}/unified"],
    ]


def test_v2_is_one_mount() -> None:
    """A machine with cgroup v2 has a single hierarchy."""
    assert cgroups.mounts(V2) == [["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"]]
    assert cgroups.mounts("") == []


def test_only_the_runs_own_cgroups_go(tmp_path: Path) -> None:
    """Everything below the run's name goes, in every hierarchy; another run's stays."""
    mine = [tmp_path / "cpu/proxyproof-a/node/pod", tmp_path / "memory/proxyproof-a"]
    other = tmp_path / "cpu/proxyproof-b"
    for path in (*mine, other):
        path.mkdir(parents=True)
    assert cgroups.left_behind({"b"}, tmp_path) == {"a"}
    cgroups.remove("a", tmp_path)
    assert not (tmp_path / "cpu/proxyproof-a").exists()
    assert not mine[1].exists()
    assert other.exists()
    assert cgroups.left_behind({"b"}, tmp_path) == set()


def test_which_version_the_machine_has(tmp_path: Path) -> None:
    """The root of v2 lists its controllers; that of v1 is a folder of hierarchies."""
    assert cgroups.is_v1(tmp_path)
    (tmp_path / "cgroup.controllers").touch()
    assert not cgroups.is_v1(tmp_path)
