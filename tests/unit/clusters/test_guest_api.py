"""A node's way to the API server: what an answer is, and what is none."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from clusters.embedded import pki
from clusters.embedded.guest.api import Api, Gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Server(ThreadingHTTPServer):
    """An API server that counts its connections."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.accepted: list[Any] = []

    def get_request(self) -> tuple[Any, Any]:
        """Note each connection."""
        made = super().get_request()
        self.accepted.append(made[0])
        return made


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_PATCH(self) -> None:
        """Answer a request."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/break":
            self.wfile.write(b"nonsense\r\n")
            self.close_connection = True
            return
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run a server with certificates as embedded clusters have them."""
    pki.make(tmp_path, ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    with Server() as one:
        one.socket = context.wrap_socket(one.socket, server_side=True)
        threading.Thread(target=one.serve_forever, args=(0.02,), daemon=True).start()
        yield one
        one.shutdown()


@pytest.fixture
def api(server: Server, tmp_path: Path) -> Api:
    """Return a connection to it, not yet made."""
    config = {"ca": str(tmp_path / "ca.crt"), "token": "t"}
    return Api({**config, "api_server": ("127.0.0.1", server.server_port)})


def test_one_connection_serves_many_requests(api: Api, server: Server) -> None:
    """What is refused was answered: the connection is good for more."""
    for _ in range(5):
        assert api.patch("/200", {}) == {}
    with pytest.raises(Gone):
        api.patch("/404", {})
    with pytest.raises(OSError, match="500"):
        api.patch("/500", {})
    assert api.patch("/200", {}) == {}
    assert len(server.accepted) == 1


def test_what_breaks_off_is_an_oserror_and_not_kept(api: Api, server: Server) -> None:
    """Callers wait and try again at an OSError, whatever HTTP thinks of it."""
    with pytest.raises(OSError, match="nonsense"):
        api.patch("/break", {})
    assert api.connection is None
    assert api.patch("/200", {}) == {}
    assert len(server.accepted) == 2


def test_nobody_there_is_an_oserror(api: Api, server: Server) -> None:
    """A refused connection is not kept either."""
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match="refused"):
        api.patch("/200", {})
    assert api.connection is None
