"""What is asked of etcd's gateway, and what becomes of its refusals."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from clusters.embedded.store import Store
from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Gateway(ThreadingHTTPServer):
    """Keeps what it is asked and answers with a status."""

    asked: list[dict[str, Any]]
    status = 200


class Handler(BaseHTTPRequestHandler):
    """Answers as the gateway does."""

    server: Gateway
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer."""
        assert self.path == "/v3/kv/txn"
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway(("127.0.0.1", 0), Handler)
    made.asked = []
    threading.Thread(target=made.serve_forever).start()
    yield made
    made.shutdown()
    made.server_close()


def text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


def test_objects_are_put_and_removed_in_one_transaction(gateway: Gateway) -> None:
    store = Store(gateway.server_port)
    store.write({"services/specs/space/one": {"kind": "Service"}}, ["ipaddresses/10.96.0.9"])
    (asked,) = gateway.asked
    put, removed = asked["success"]
    assert text(put["requestPut"]["key"]) == "/registry/services/specs/space/one"
    assert json.loads(text(put["requestPut"]["value"])) == {"kind": "Service"}
    assert text(removed["requestDeleteRange"]["key"]) == "/registry/ipaddresses/10.96.0.9"


def test_a_refusal_is_the_testbeds(gateway: Gateway) -> None:
    gateway.status = 400
    with pytest.raises(TestbedError, match="refuses a transaction: 400"):
        Store(gateway.server_port).write({"a": {}})


def test_no_answer_is_the_testbeds() -> None:
    with pytest.raises(TestbedError, match="does not answer"):
        Store(1).write({"a": {}})
