"""Linux namespaces by direct system calls; Python offers them from 3.12 on only."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

from clusters.errors import TestbedError

NEWNS = 0x0002_0000
NEWUTS = 0x0400_0000
NEWUSER = 0x1000_0000
NEWPID = 0x2000_0000
NEWNET = 0x4000_0000

MS_REC = 0x4000
MS_PRIVATE = 0x4_0000

THREADS_GONE_WITHIN = 1.0

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *args: object) -> None:
    if getattr(_libc, name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones; raises OSError."""
    _call("unshare", flags)


def enter(path: str, kind: int = 0) -> None:
    """Enter the namespace behind `path`, such as /proc/1/ns/net; raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", handle, kind)
    finally:
        os.close(handle)


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """Mount by system call.

    The set-uid mount(8) refuses inside a user namespace, so nothing here calls it.
    """
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )


def unmount(target: str) -> None:
    """Detach a mount, busy or not (umount2 MNT_DETACH)."""
    _call("umount2", target.encode(), 2)


def die_with_parent(signal: int = 9) -> None:
    """Ask the kernel for `signal` when the parent process ends (prctl PR_SET_PDEATHSIG)."""
    _call("prctl", 1, signal, 0, 0, 0)


def become_root() -> None:
    """Enter a new user namespace as its root.

    The process must have a single thread. Raises `TestbedError` with what to do where the kernel
    or its settings refuse.
    """
    uid, gid = os.getuid(), os.getgid()
    # A thread that was joined needs a moment more to leave the kernel.
    deadline = time.monotonic() + THREADS_GONE_WITHIN
    while not single_threaded() and time.monotonic() < deadline:
        time.sleep(0.001)
    try:
        unshare(NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        raise TestbedError(
            f"this kernel gives user {uid} no user namespace ({error.strerror}): run as root, or "
            "allow it with: sudo sysctl -w kernel.unprivileged_userns_clone=1 "
            "kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=15000"
        ) from error


def single_threaded() -> bool:
    """Tell whether this process has one thread, as entering a user namespace needs."""
    return len(list(Path("/proc/self/task").iterdir())) == 1
