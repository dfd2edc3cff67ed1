"""Connections to a node's command server, and the end of the node at their other end."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from clusters.embedded.nodecontrol import NodeControl
from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """Answers each request with the number of the connection that it came by."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Serve each connection in a thread of its own."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            number = self.connections
            threading.Thread(target=self.talk, args=(connection, number), daemon=True).start()

    @staticmethod
    def talk(connection: socket.socket, number: int) -> None:
        """Answer until the other side closes."""
        with connection:
            for _ in connection.makefile("r"):
                connection.sendall(json.dumps({"connection": number}).encode() + b"\n")


@pytest.fixture
def server() -> Iterator[Server]:
    """Lend a server."""
    made = Server()
    yield made
    made.listener.close()


def test_a_connection_serves_until_the_node_is_another(server: Server) -> None:
    """All threads drop theirs when a node was switched off, each when it asks next."""
    control = NodeControl("node-1", "127.0.0.1", server.port)
    assert [control.ask("x")["connection"] for _ in range(2)] == [1, 1]
    seen: list[int] = []
    go, gone = threading.Event(), threading.Event()

    def other() -> None:
        seen.append(control.ask("x")["connection"])
        go.set()
        gone.wait()
        seen.append(control.ask("x")["connection"])

    thread = threading.Thread(target=other)
    thread.start()
    go.wait()
    control.forget_all()
    gone.set()
    thread.join()
    assert seen == [2, 3]
    assert control.ask("x")["connection"] == 4


def test_a_node_that_is_not_there_is_named() -> None:
    """Nobody listens: the error says which node was asked for what."""
    control = NodeControl("node-7", "127.0.0.1", 1)
    with pytest.raises(TestbedError, match="node-7: no answer to hello"):
        control.ask("hello")
