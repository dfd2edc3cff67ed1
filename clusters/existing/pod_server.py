"""The command server in a pod that generates load: a JSON object a line, on standard input."""

from __future__ import annotations

import base64
import json
import os
import platform
import signal
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded.guest.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 20


class PodServer(Control):
    """Files in and out, and processes."""

    def interpreter(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Tell what decides which compiled modules can be loaded."""
        return {
            "version": f"{sys.version_info.major}.{sys.version_info.minor}",
            "machine": platform.machine(),
            "libc": "glibc" if platform.libc_ver()[0] == "glibc" else "musl",
        }

    def put(self, request: dict[str, Any]) -> dict[str, Any]:
        """Append to a file, whose folder is made."""
        path = Path(request["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(base64.b64decode(request["data"]))
        return {}

    def unpack(self, request: dict[str, Any]) -> dict[str, Any]:
        """Unpack a tar that was put here into a folder, and remove it."""
        path = Path(request["path"])
        with tarfile.open(path) as tar:
            tar.extractall(request["folder"])  # noqa: S202 - this project has made it
        path.unlink()
        return {}

    def get(self, request: dict[str, Any]) -> dict[str, Any]:
        """Read a part of a file; none at all where there is no file."""
        path = Path(request["path"])
        if not path.exists():
            return {"data": None}
        with path.open("rb") as file:
            file.seek(request["offset"])
            return {"data": base64.b64encode(file.read(CHUNK)).decode()}

    def clock(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Tell the monotonic clock, in ns."""
        return {"ns": time.monotonic_ns()}

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return what can be asked, by name."""
        own = {
            "interpreter": self.interpreter,
            "put": self.put,
            "unpack": self.unpack,
            "get": self.get,
            "clock": self.clock,
        }
        return super().operations() | own


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer the requests on standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(PodServer({"name": os.environ.get("NODE_NAME", "")}).answer)
