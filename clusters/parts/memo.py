"""Small answers that are slow to get, kept in the cache as JSON."""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.cache import Cache


class Memo:
    """One JSON file of answers by key.

    Two processes writing at once may lose an answer, never garble the file: it is asked for again.
    """

    def __init__(self, cache: Cache, name: str) -> None:
        self._path = cache.root / "memo" / f"{name}.json"

    def _load(self) -> dict[str, Any]:
        try:
            loaded = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}

    def get(self, key: str, max_age: float | None = None) -> Any:
        """Return the answer, or None when unknown or older than `max_age` seconds."""
        known = self._load().get(key)
        if known is None or (max_age is not None and time.time() - known["at"] > max_age):
            return None
        return known["value"]

    def put(self, key: str, value: Any) -> None:
        """Keep an answer; `value` must survive JSON."""
        known = self._load()
        known[key] = {"at": time.time(), "value": value}
        half = self._path.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(known, indent=1))
        half.replace(self._path)


def digest_of(cache: Cache, path: Path) -> str:
    """Return the SHA-256 of a file, remembered until the file changes."""
    memo, key = Memo(cache, "digests"), identity(path)
    digest = memo.get(key)
    if digest is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        memo.put(key, digest)
    return str(digest)


def identity(path: Path) -> str:
    """Return a key that changes when the file is replaced or written to.

    Path, size, time in ns and inode.
    """
    stat = path.stat()
    return f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"
