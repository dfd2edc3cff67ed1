"""Pods that generate load: locust from wheels, and the project's own files beside it."""

from __future__ import annotations

import base64
import contextlib
import io
import secrets
import signal
import tarfile
import threading
import time
from typing import TYPE_CHECKING, Any

from clusters.errors import TestbedError
from clusters.existing import objects
from clusters.existing.node import Access
from clusters.parts.wheels import Interpreter, get_locust
from clusters.parts.workshop import open_workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from clusters.kube import Kube
    from clusters.protocol import Node

PODS = f"/api/v1/namespaces/{objects.SYSTEM_NAMESPACE}/pods"
SERVER = ["python3", "-u", "-B", "-m", "clusters.existing.pod_server"]
FOLDER = "/tmp/proxyproof-load"  # noqa: S108 - in a pod of our own
PACKAGES = f"{FOLDER}/packages"
CHUNK = 1 << 20
LOOKS = 5


class PodProcess:
    """A process in a pod; see `clusters.protocol.OutsideProcess`.

    Its log comes here once it has ended.
    """

    def __init__(self, pod: LoadPod, name: str, log: Path) -> None:
        self.pod = pod
        self.name = name
        self.log = log
        self._ended: int | None = None

    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        if self._ended is None:
            found = self.pod.ask("status", name=self.name)
            if not found["known"]:
                raise TestbedError(f"{self.pod.name} knows no process {self.name} any more")
            if found["status"] is not None:
                self._ended = int(found["status"])
                self.pod.fetch(f"{self.name}.log", self.log)
        return self._ended

    def end(self) -> None:
        """Kill it; one that has ended already is as good."""
        with contextlib.suppress(TestbedError):
            self.pod.ask("signal", name=self.name, signal=int(signal.SIGKILL), wait=5.0)
            self.status()


class LoadPod:
    """A pod with locust; see `clusters.protocol.LoadPod`."""

    def __init__(self, name: str, address: str, access: Access) -> None:
        self.name = name
        self.address = address
        self.access = access
        self._lock = threading.Lock()

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Make one request; all go to one server, since that has the processes."""
        with self._lock:
            return self.access.ask(op, **fields)

    def equip(self, files: Mapping[str, Path]) -> None:
        """Put locust and files, by their paths below `FOLDER`, into the pod."""
        interpreter = Interpreter(**self.ask("interpreter"))
        self._unpack(get_locust(open_workshop(), interpreter).read_bytes(), PACKAGES)
        own = io.BytesIO()
        with tarfile.open(fileobj=own, mode="w:gz") as tar:
            for path, source in files.items():
                tar.add(source, path)
        self._unpack(own.getvalue(), FOLDER)

    def _unpack(self, packed: bytes, folder: str) -> None:
        path = f"{FOLDER}/{secrets.token_hex(4)}.tgz"
        for start in range(0, len(packed), CHUNK):
            data = base64.b64encode(packed[start : start + CHUNK]).decode()
            self.ask("put", path=path, data=data)
        self.ask("unpack", path=path, folder=folder)

    def start(self, name: str, arguments: Sequence[str], *, log: Path) -> PodProcess:
        """Start locust in the folder of files."""
        argv = ["sh", "-c", f'cd {FOLDER} && exec python3 -m locust "$@"', "locust", *arguments]
        environment = {"PYTHONPATH": PACKAGES, "HOME": FOLDER}
        self.ask("spawn", name=name, argv=argv, log=f"{FOLDER}/{name}.log", env=environment)
        return PodProcess(self, name, log)

    def fetch(self, path: str, to: Path) -> bool:
        """Copy a file of the folder; False where there is none."""
        found = b""
        while True:
            data = self.ask("get", path=f"{FOLDER}/{path}", offset=len(found))["data"]
            if data is None:
                return False
            part = base64.b64decode(data)
            if not part:
                break
            found += part
        to.write_bytes(found)
        return True

    def ahead(self) -> int:
        """How far its monotonic clock is ahead of this machine's, in ns.

        From the quickest of some answers, so it is wrong by half of that one's time at most.
        """
        best, ahead = 0, 0
        for _ in range(LOOKS):
            before = time.monotonic_ns()
            there = int(self.ask("clock")["ns"])
            took = time.monotonic_ns() - before
            if not best or took < best:
                best, ahead = took, there - before - took // 2
        return ahead


class LoadPods:
    """Makes such pods when they are first asked for; they stay until the run ends."""

    def __init__(
        self,
        kube: Callable[[], Kube],
        image: str,
        run_id: str,
        wait: Callable[[str], None],
    ) -> None:
        """`wait` returns when the pod of a path is ready."""
        self.kube = kube
        self.image = image
        self.run_id = run_id
        self.wait = wait
        self._pods: dict[int, LoadPod] = {}

    def at(self, number: int, node: Node, files: Mapping[str, Path]) -> LoadPod:
        """Return pod `number`, made on `node` with `files` if it was not there yet."""
        if number not in self._pods:
            # Another name each time: one that could not be equipped may still be there.
            name = f"load-{number}-{secrets.token_hex(2)}"
            self.kube().create(PODS, objects.load_pod(name, node.name, self.image, self.run_id))
            self.wait(f"{PODS}/{name}")
            address = self.kube().get(f"{PODS}/{name}")["status"]["podIP"]
            where = (objects.SYSTEM_NAMESPACE, name, "load")
            access = Access(name, lambda: self.kube().api, where, SERVER)
            pod = LoadPod(name, address, access)
            pod.equip(files)
            self._pods[number] = pod
        return self._pods[number]

    def close(self) -> None:
        """End the streams."""
        for pod in self._pods.values():
            pod.access.close()
        self._pods = {}

    def forget(self) -> None:
        """Leave the pods to the process that this one was forked from."""
        for pod in self._pods.values():
            pod.access.forget()
        self._pods = {}
