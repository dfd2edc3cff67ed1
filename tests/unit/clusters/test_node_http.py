"""GETs from a node's own namespace."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from clusters.embedded.guest.control import Control

if TYPE_CHECKING:
    from collections.abc import Iterator


class Healthz(BaseHTTPRequestHandler):
    """Answers with the status that the path names, and the address that it was asked at."""

    def do_GET(self) -> None:
        """Answer a request."""
        self.send_response(int(self.path[1:]))
        self.end_headers()
        self.wfile.write(str(self.connection.getsockname()[0]).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class V6(ThreadingHTTPServer):
    """Listens at the IPv6 loopback alone."""

    address_family = socket.AF_INET6


@pytest.fixture(params=[ThreadingHTTPServer, V6])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Return where a server listens, at the loopback address of one family."""
    at = "::1" if request.param is V6 else "127.0.0.1"
    with request.param((at, 0), Healthz) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield at, server.server_address[1]
        server.shutdown()


def get(url: str) -> dict[str, Any]:
    """GET a URL as nodes do."""
    return Control({}).http({"url": url, "timeout": 2.0})


@pytest.mark.parametrize("status", [200, 503])
def test_localhost_is_the_address_that_is_listened_at(
    address: tuple[str, int], status: int
) -> None:
    """kube-proxy's metrics are at the loopback address of the primary family alone."""
    at, port = address
    said = get(f"http://localhost:{port}/{status}")
    assert (said["status"], said["body"]) == (status, at)


def test_an_address_is_what_it_says(address: tuple[str, int]) -> None:
    """Only the name stands for both."""
    at, port = address
    assert get(f"http://127.0.0.1:{port}/200")["status"] == (200 if at == "127.0.0.1" else 0)


def test_where_nobody_listens_there_is_no_answer() -> None:
    """A refusal by both is one."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        said = get(f"http://localhost:{unused.getsockname()[1]}/200")
    assert said["status"] == 0
    assert "refused" in said["body"]
