"""A node of a cluster that is there, reached through its privileged pod."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from clusters.errors import TestbedError
from clusters.existing import objects
from clusters.existing.streams import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.existing.relay import Relay
    from clusters.protocol import AgentAddress, ProxySpec

SERVER = ["python3", "-u", "-B", "-m", "clusters.existing.node_server"]


class Access:
    """Requests to the command server in a pod, `where` being namespace, pod and container.

    Each thread that asks at the same time has a stream of its own, and a server at its end; they
    are kept for the next.
    """

    def __init__(
        self,
        name: str,
        api: Callable[[], Any],
        where: tuple[str, str, str],
        server: Sequence[str],
    ) -> None:
        self.name = name
        self._api = api
        self._where = where
        self._server = server
        self._idle: list[Command] = []
        self._lock = threading.Lock()

    def ask(self, op: str, *, within: float = 60.0, **fields: Any) -> dict[str, Any]:
        """Make one request and return the answer.

        Raises `TestbedError` when there is none within `within` seconds.
        """
        with self._lock:
            stream = self._idle.pop() if self._idle else None
        if stream is None:
            stream = Command(self._api(), *self._where, self._server)
        try:
            line = stream.ask(json.dumps({"op": op, **fields}).encode() + b"\n", within)
        except BaseException as error:
            stream.close()
            if isinstance(error, TestbedError):
                raise TestbedError(f"{self.name}: no answer to {op}: {error}") from error
            raise
        with self._lock:
            self._idle.append(stream)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise TestbedError(f"{self.name}: {op}: {reply['error']}")
        return reply

    def close(self) -> None:
        """End the streams."""
        with self._lock:
            streams, self._idle = self._idle, []
        for stream in streams:
            stream.close()

    def forget(self) -> None:
        """Leave the streams to the process that this one was forked from."""
        for stream in self._idle:
            stream.forget()
        self._idle = []
        self._lock = threading.Lock()


def node_access(node: str, api: Callable[[], Any]) -> Access:
    """Return the way to commands on a node, by its privileged pod."""
    return Access(node, api, (objects.SYSTEM_NAMESPACE, f"node-{node}", "access"), SERVER)


class ExistingNode:
    """One node; see `clusters.protocol.Node`."""

    def __init__(
        self,
        manifest: Mapping[str, Any],
        spec: ProxySpec,
        relay: Relay,
        control: Access,
        port: int,
    ) -> None:
        self.name: str = manifest["metadata"]["name"]
        self.kernel: str = manifest["status"]["nodeInfo"]["kernelVersion"]
        self.addresses: Mapping[str, str] = {
            "ipv6" if ":" in entry["address"] else "ipv4": entry["address"]
            for entry in reversed(manifest["status"]["addresses"])
            if entry["type"] == "InternalIP"
        }
        self.pod_cidrs: list[str] = manifest["spec"].get("podCIDRs") or []
        self.labels: Mapping[str, str] = manifest["metadata"].get("labels", {})
        self.spec = spec
        self.relay = relay
        self.control = control
        self.port = port

    @property
    def agent(self) -> AgentAddress:
        """The probe agent in the node's own network namespace."""
        return self.relay.address(objects.SYSTEM_NAMESPACE, f"node-{self.name}", self.port)
