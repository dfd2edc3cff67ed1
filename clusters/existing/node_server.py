"""The command server in a node's privileged pod: a JSON object a line, on standard input.

Started by an exec of the API, it listens nowhere: who may talk to it is decided by RBAC. Commands
run among the node's own files; the pod shares its network, process and IPC namespaces already.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded.guest.activity import LOOK, Watch, at_work
from clusters.embedded.guest.control import Control
from clusters.existing.pod_server import serve

if TYPE_CHECKING:
    from collections.abc import Callable

PROXY = "kube-proxy"
HOST = ["nsenter", "--target", "1", "--mount", "--uts", "--"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NodeServer(Control):
    """What the embedded node's server does, for a kube-proxy that somebody else started."""

    def __init__(self) -> None:
        super().__init__({"name": os.environ.get("NODE_NAME", "")})
        self.watch = Watch(any_at_work)

    def exec(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a command on the node."""
        return super().exec({**request, "argv": [*HOST, *request["argv"]]})

    def busy(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell whether the node's kube-proxy is at work."""
        del request
        return {"busy": self.watch.busy()}

    def proxy(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell the node's kube-proxies: pid, digest of the program, what --version says."""
        del request
        found = []
        for pid in find():
            # One that ends in the middle of this is as good as gone.
            with contextlib.suppress(OSError):
                found.append(describe(pid))
        return {"processes": found}

    def kill(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a signal to the node's kube-proxies and wait until they have ended."""
        for pid in find():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, request["signal"])
        deadline = time.monotonic() + request["wait"]
        while find() and time.monotonic() < deadline:
            time.sleep(LOOK)
        return {"left": find()}

    def sysctls(self, request: dict[str, Any]) -> dict[str, Any]:
        """Set those sysctls that the kernel has, and tell what those were that changed."""
        before = {}
        for name, value in request["values"].items():
            path = Path("/proc/sys") / name
            if path.exists() and (old := path.read_text().strip()) != value:
                path.write_text(value)
                before[name] = old
        return {"before": before}

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """Return what can be asked, by name."""
        own = {"proxy": self.proxy, "kill": self.kill, "sysctls": self.sysctls}
        return super().operations() | own


def any_at_work() -> bool:
    """Tell whether a kube-proxy of the node is at work at this moment."""
    try:
        return any(at_work(pid) for pid in find())
    except OSError:
        return False


def find() -> list[int]:
    """Return the pids of the programs called kube-proxy, without those that have ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        if name == PROXY and rest.split()[0] not in {"Z", "X"}:
            found.append(int(path.parent.name))
    return found


def describe(pid: int) -> dict[str, Any]:
    """Return what a process runs; the digest is that of the file that the kernel has mapped."""
    with open(f"/proc/{pid}/exe", "rb") as program:  # noqa: PTH123 - a link to a deleted file works
        digest = hashlib.sha256()
        while chunk := program.read(1 << 20):
            digest.update(chunk)
    arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return {"pid": pid, "sha256": digest.hexdigest(), "argv": arguments[:-1]}


def main() -> None:
    """Answer until standard input ends."""
    os.environ["PATH"] = PATH
    serve(NodeServer().answer)


if __name__ == "__main__":
    main()
