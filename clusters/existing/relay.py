"""Ports of pods as ports of this process's own loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

from clusters.existing import streams
from clusters.protocol import AgentAddress

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = "127.0.0.1"


class Relay:
    """Listens for each pod port that was asked for, and carries its connections to the pod.

    Belongs to one process: a forked one makes its own.
    """

    def __init__(self, api: Callable[[], Any]) -> None:
        self._api = api
        self._listening: dict[tuple[str, str, int], socket.socket] = {}
        self._lock = threading.Lock()

    def address(self, namespace: str, pod: str, port: int) -> AgentAddress:
        """Return where to connect to reach `port` on the pod's loopback."""
        key = (namespace, pod, port)
        with self._lock:
            server = self._listening.get(key)
            if server is None:
                server = socket.create_server((LOOPBACK, 0), backlog=64)
                self._listening[key] = server
                threading.Thread(target=self._serve, args=(server, key), daemon=True).start()
        return AgentAddress(LOOPBACK, server.getsockname()[1])

    def _serve(self, server: socket.socket, key: tuple[str, str, int]) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arguments = (self._api(), *key, connection)
            threading.Thread(target=streams.forward, args=arguments, daemon=True).start()

    def close(self) -> None:
        """Listen no longer; connections end with their other side."""
        with self._lock:
            servers, self._listening = list(self._listening.values()), {}
        for server in servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()

    def forget(self) -> None:
        """Close a forked process's copies; the listening is its parent's."""
        for server in self._listening.values():
            server.close()
        self._listening = {}
