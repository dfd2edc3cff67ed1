"""The harness's side of a node's command server."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 0.01


class NodeControl:
    """Requests to one node; a connection for each thread that asks."""

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name = name
        self.host = host
        self.port = port
        self._local = threading.local()
        self._life = 0

    def ask(self, op: str, *, within: float = 60.0, **fields: Any) -> dict[str, Any]:
        """Make one request and return the answer.

        Raises `TestbedError` when the node gives none within `within` seconds.
        """
        try:
            stream = self._stream(within)
            stream.write(json.dumps({"op": op, **fields}).encode() + b"\n")
            stream.flush()
            line = stream.readline()
        except OSError as error:
            self.forget()
            raise TestbedError(f"{self.name}: no answer to {op}: {error}") from error
        if not line:
            self.forget()
            raise TestbedError(f"{self.name}: the node ended while doing {op}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise TestbedError(f"{self.name}: {op}: {reply['error']}")
        return reply

    def wait_up(self, within: float, alive: Callable[[], bool]) -> dict[str, Any]:
        """Wait until the node answers; raises `TestbedError`, at once when it is not `alive`."""
        deadline = time.monotonic() + within
        while True:
            try:
                return self.ask("hello", within=1.0)
            except TestbedError:
                if time.monotonic() > deadline or not alive():
                    raise
                time.sleep(POLL)

    def forget(self) -> None:
        """Drop this thread's connection, as after a node was restarted."""
        connection = getattr(self._local, "connection", None)
        self._local.connection = None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def forget_all(self) -> None:
        """Drop every thread's connection: the node that was at its other end is no more."""
        self._life += 1
        self.forget()

    def _stream(self, within: float) -> Any:
        if getattr(self._local, "life", self._life) != self._life:
            self.forget()
        if getattr(self._local, "connection", None) is None:
            connection = socket.create_connection((self.host, self.port), timeout=within)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._local.connection = connection
            self._local.stream = connection.makefile("rwb")
            self._local.life = self._life
        self._local.connection.settimeout(within)
        return self._local.stream
