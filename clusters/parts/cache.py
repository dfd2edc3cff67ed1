"""A store of things that are slow to make, each under the hash of what it is made from."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from clusters.errors import TestbedError
from clusters.parts.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from clusters.parts.progress import Progress, Step

    Make: TypeAlias = Callable[[Path, Step], None]

HELD_LOCKS: ContextVar[tuple[int, ...]] = ContextVar("held_locks", default=())
"""
Descriptors of the entry locks this thread holds.

A compiler inherits them: when its parent is killed with SIGKILL the lock lasts until the last
orphan has ended, so that nobody else writes into the same work directory meanwhile.
"""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_STALE_SECONDS = 7 * 86400
_POLL_SECONDS = 0.1


def default_root() -> Path:
    """`$XDG_CACHE_HOME/proxyproof`, or `~/.cache/proxyproof`.

    A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "proxyproof"


def key_of(inputs: Mapping[str, str]) -> str:
    """Return the first 20 hex digits of the SHA-256 over all inputs of a recipe."""
    text = json.dumps(dict(inputs), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


class Cache:
    """Entries are made once, by one process at a time, and appear whole or not at all.

    `entries/` holds what is published, `work/` what is being made (it survives a kill and the next
    run goes on from there), `locks/` one empty file per entry. Raises TestbedError when the
    directory cannot be used.
    """

    def __init__(self, root: Path | None = None, stop: Stop | None = None) -> None:
        self.root = root or default_root()
        self.stop = stop or Stop()
        try:
            for part in ("entries", "work", "locks", "memo"):
                (self.root / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TestbedError(f"cannot use the cache {self.root}: {error.strerror}") from None

    def lookup(self, name: str, inputs: Mapping[str, str]) -> Path | None:
        """Return the published entry, or None."""
        entry = self.root / "entries" / f"{name}-{key_of(inputs)}"
        return entry if entry.is_dir() else None

    def get_or_make(
        self,
        name: str,
        inputs: Mapping[str, str],
        make: Make,
        progress: Progress,
        *,
        need_bytes: int = 0,
    ) -> Path:
        """Return the directory of the entry; `make(work, step)` fills `work / "out"` if absent.

        `make` finds in `work` whatever an interrupted attempt left. Raises TestbedError when the
        disk is or would become full, StoppedError when the run was stopped while waiting.
        """
        found = self.lookup(name, inputs)
        if found is not None:
            return found
        slot = f"{name}-{key_of(inputs)}"
        with progress.step(name) as step, self._locked(slot, step):
            found = self.lookup(name, inputs)
            if found is not None:
                step.detail("made by another run")
                return found
            return self._make(slot, inputs, make, step, need_bytes)

    def _make(
        self, slot: str, inputs: Mapping[str, str], make: Make, step: Step, need_bytes: int
    ) -> Path:
        work, entry = self.root / "work" / slot, self.root / "entries" / slot
        try:
            work.mkdir(exist_ok=True)
            self._check_room(slot, work, need_bytes)
            make(work, step)
            out = work / "out"
            (out / "recipe.json").write_text(json.dumps(dict(inputs), indent=1, sort_keys=True))
            out.rename(entry)
            shutil.rmtree(work, ignore_errors=True)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise TestbedError(self._no_room(slot, need_bytes)) from None
        return entry

    def _check_room(self, slot: str, work: Path, need_bytes: int) -> None:
        # What an interrupted attempt already wrote is not needed a second time; how much that is
        # would take long to count, so a resumed attempt is simply tried.
        if any(work.iterdir()) or shutil.disk_usage(self.root).free >= need_bytes:
            return
        raise TestbedError(self._no_room(slot, need_bytes))

    def _no_room(self, slot: str, need_bytes: int) -> str:
        free = shutil.disk_usage(self.root).free / 1e9
        need = f"{need_bytes / 1e9:.1f} GB" if need_bytes else "more than is left"
        return (
            f"no space left in {self.root}: making {slot.rsplit('-', 1)[0]} needs {need}, "
            f"{free:.1f} GB are free (set XDG_CACHE_HOME to a directory on a larger disk)"
        )

    @contextlib.contextmanager
    def _locked(self, slot: str, step: Step) -> Iterator[None]:
        # The lock file is never removed: removing a locked file would let a second process lock a
        # new file of the same name.
        with (self.root / "locks" / f"{slot}.lock").open("w") as lock:
            while not _try_lock(lock.fileno()):
                step.detail("waiting for another run that is making it")
                self.stop.wait(_POLL_SECONDS)
            token = HELD_LOCKS.set((*HELD_LOCKS.get(), lock.fileno()))
            try:
                yield
            finally:
                HELD_LOCKS.reset(token)

    def sweep(self, older_than: float = _STALE_SECONDS) -> list[str]:
        """Remove work directories nobody holds that were not touched for `older_than` seconds.

        Younger ones stay: the next run resumes there. Returns the names removed.
        """
        removed = []
        for work in (self.root / "work").iterdir():
            with (self.root / "locks" / f"{work.name}.lock").open("w") as lock:
                idle = time.time() - work.stat().st_mtime
                if idle >= older_than and _try_lock(lock.fileno()):
                    shutil.rmtree(work, ignore_errors=True)
                    removed.append(work.name)
        return removed


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
