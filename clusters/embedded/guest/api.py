"""A node's way to the API server, with nothing but the standard library."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

MERGE = "application/merge-patch+json"
STRATEGIC_MERGE = "application/strategic-merge-patch+json"


class Gone(Exception):  # noqa: N818 - the API's own word
    """The object is not there, or not there any more (404, 409, 410)."""


class Api:
    """A connection to the API server; one thread at a time."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.context = ssl.create_default_context(cafile=config["ca"])
        self.connection: http.client.HTTPSConnection | None = None

    def open(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """Send a request and return the response, not yet read; raises OSError."""
        headers = {"Authorization": f"Bearer {self.config['token']}", "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        with self._whole():
            self._connected().request(method, path, text, headers)
            return self._connected().getresponse()

    def _connected(self) -> http.client.HTTPSConnection:
        if self.connection is None:
            host, port = self.config["api_server"]
            self.connection = http.client.HTTPSConnection(
                host, port, context=self.context, timeout=10
            )
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.connection

    def call(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """Make a request and return the object; raises `Gone` or OSError."""
        answer = self.open(method, path, body, kind)
        with self._whole():
            text = answer.read()
        if answer.status in (404, 409, 410):
            raise Gone(text.decode(errors="replace"))
        if answer.status >= 300:
            raise OSError(f"{method} {path}: {answer.status} {text[:300]!r}")
        result: dict[str, Any] = json.loads(text)
        return result

    def patch(self, path: str, body: Any) -> dict[str, Any]:
        """Strategic merge patch."""
        return self.call("PATCH", path, body, STRATEGIC_MERGE)

    def close(self) -> None:
        """Drop the connection; the next request opens a new one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def __enter__(self) -> Self:
        """Use the connection for a few requests."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop it."""
        self.close()

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Drop the connection where an exchange breaks off: what is left of it is no answer."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise OSError(str(error)) from error
