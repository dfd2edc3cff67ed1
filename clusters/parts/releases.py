"""Official Kubernetes releases: binaries with their published checksums."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from clusters.errors import TestbedError

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.stop import Stop

BASE = "https://dl.k8s.io/release"
"""https://kubernetes.io/releases/download/"""

_ASK = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=2).read(200).decode())
except urllib.error.HTTPError as error:
    print("status", error.code)
"""
_CHUNK = 1 << 20


class Releases:
    """Downloads, with one short question whether there is a way to the server at all.

    The answer holds for the run: on a machine without that network every further binary is asked
    for elsewhere at once.
    """

    def __init__(self, base: str = BASE, patience: float = 2.5) -> None:
        self._base = base
        self._patience = patience
        self._reachable: bool | None = None
        self._lock = threading.Lock()

    def checksum(self, version: str, arch: str, name: str) -> str | None:
        """Return the published SHA-256, or None when the server or the file is not there."""
        with self._lock:
            if self._reachable is False:
                return None
            url = f"{self._base}/{version}/bin/linux/{arch}/{name}.sha256"
            said = self._ask(url)
            self._reachable = bool(said)
        return said[0] if len(said) == 1 and len(said[0]) == 64 else None

    def _ask(self, url: str) -> list[str]:
        # A child that is killed after the patience, because a name server that does not answer
        # holds a thread for as long as the resolver likes.
        argv = [sys.executable, "-I", "-c", _ASK, url]
        try:
            asked = subprocess.run(
                argv, capture_output=True, text=True, timeout=self._patience, check=False
            )
        except subprocess.TimeoutExpired:
            return []
        return asked.stdout.split() if asked.returncode == 0 else []

    def download(
        self, version: str, arch: str, name: str, into: Path, *, stop: Stop, step: Step
    ) -> bool:
        """Fetch a binary to `into` and check it; False when no release can be had here.

        An interrupted download goes on where it ended. Raises TestbedError when the content does
        not have the published checksum.
        """
        wanted = self.checksum(version, arch, name)
        if wanted is None:
            return False
        half = into.with_name(into.name + ".part")
        try:
            _stream(f"{self._base}/{version}/bin/linux/{arch}/{name}", half, stop, step)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            with self._lock:
                self._reachable = False
            return False
        with half.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != wanted:
            half.unlink()
            raise TestbedError(f"{name} {version}: the download does not match its checksum")
        half.chmod(0o755)
        half.replace(into)
        return True


def _stream(url: str, half: Path, stop: Stop, step: Step) -> None:
    have = half.stat().st_size if half.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"})  # noqa: S310
    try:
        answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416:
            # Nothing is left to fetch: the earlier attempt ended between download and check.
            return
        raise
    with answer, half.open("ab" if answer.status == 206 else "wb") as file:
        total = have + int(answer.headers.get("Content-Length", 0))
        while chunk := answer.read(_CHUNK):
            stop.check()
            file.write(chunk)
            step.detail(f"downloading {half.stem}: {file.tell() >> 20} of {total >> 20} MB")
