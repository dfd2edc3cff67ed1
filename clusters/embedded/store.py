"""What the API server keeps its objects in, written to beside it: etcd's own JSON gateway.

For objects by the thousand. A Service with its slice was measured to take 13 ms of processor time
through the API server, which creates the Service's address as an object of its own, through itself;
and 2.4 ms here. The API server hears of them as it hears of its own writes: it watches the store.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PREFIX = "/registry"
"""The API server's --etcd-prefix."""

ANSWER_WITHIN = 30.0


class Store:
    """Writes objects as the API server does; each thread has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._own = threading.local()

    def write(self, put: Mapping[str, Mapping[str, Any]], remove: Sequence[str] = ()) -> None:
        """Put and remove objects in one transaction; raises `TestbedError`.

        Keys are "services/specs/NAMESPACE/NAME" and the like. Two objects of one kind do not belong
        into one transaction: they get one resourceVersion, of which watchers were seen to miss all
        but the first (some 20 of 1,000 Services in transactions of 20, Kubernetes 1.37).
        """
        changes: list[dict[str, Any]] = [
            {"requestPut": {"key": encoded(key), "value": _base64(json.dumps(value).encode())}}
            for key, value in put.items()
        ]
        changes += [{"requestDeleteRange": {"key": encoded(key)}} for key in remove]
        self._ask("/v3/kv/txn", {"success": changes})

    def _ask(self, path: str, body: Mapping[str, Any]) -> None:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN)
            self._own.connection = connection
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._own.connection = None
            raise TestbedError(f"etcd does not answer: {error}") from error
        if answer.status != http.client.OK:
            raise TestbedError(f"etcd refuses a transaction: {answer.status} {text[:200]!r}")


def encoded(key: str) -> str:
    """Return an object's key as the gateway takes it."""
    return _base64(f"{PREFIX}/{key}".encode())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
