"""A Kubernetes API in memory, over real HTTP on loopback: objects go in and come out by path."""

from __future__ import annotations

import copy
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    Object = dict[str, Any]
    Seen = Callable[[str, str, Object], None]

NAMESPACES = "/api/v1/namespaces"


class Refused(Exception):  # noqa: N818 - says what happened
    """A request gets a Status object instead of what it asked for."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Store:
    """Objects by URL path.

    It keeps what it is given, with metadata as an API server adds them; there is no validation, no
    watch and no controller. `seen` is told ("ADDED" | "DELETED", path, object) under the lock.
    """

    def __init__(self, seen: Seen = lambda _kind, _path, _object: None) -> None:
        self.objects: dict[str, Object] = {}
        self.seen = seen
        self.lock = threading.RLock()
        self._versions = itertools.count(1)

    def get(self, path: str) -> Object:
        """Return an object, or the list of those directly below `path`."""
        if found := self.objects.get(path):
            return found
        if not _is_collection(path):
            raise Refused(404, f"{path} not found")
        items = [item for where, item in self.objects.items() if where.rpartition("/")[0] == path]
        return {"kind": "List", "items": items, "metadata": {"resourceVersion": "0"}}

    def create(self, path: str, body: Object) -> Object:
        """Put an object into the collection `path`."""
        meta = body.setdefault("metadata", {})
        where = f"{path}/{meta['name']}"
        if where in self.objects:
            raise Refused(409, f"{where} already exists")
        namespace = path.removeprefix(f"{NAMESPACES}/").partition("/")[0]
        if path.startswith(f"{NAMESPACES}/"):
            if f"{NAMESPACES}/{namespace}" not in self.objects:
                raise Refused(404, f"namespace {namespace} not found")
            meta["namespace"] = namespace
        meta["uid"] = f"uid-{next(self._versions)}"
        self._keep(where, body)
        self.seen("ADDED", where, body)
        return body

    def patch(self, path: str, body: Object, *, strategic: bool) -> Object:
        """Merge into an object; `strategic` merges lists of typed entries entry by entry."""
        merged: Object = _merge(self._existing(path), body, strategic=strategic)
        self._keep(path, merged)
        return merged

    def replace(self, path: str, body: Object) -> Object:
        """Replace an object; one read before a later change is refused."""
        old = self._existing(path)["metadata"]
        meta = body["metadata"]
        if meta.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
            raise Refused(409, f"{path} has been modified")
        meta.update({name: old[name] for name in ("uid", "namespace") if name in old})
        self._keep(path, body)
        return body

    def delete(self, path: str) -> Object:
        """Remove an object and everything below it, or everything in a collection."""
        if path not in self.objects and not _is_collection(path):
            raise Refused(404, f"{path} not found")
        below = [where for where in self.objects if where == path or where.startswith(f"{path}/")]
        for where in below:
            self.seen("DELETED", where, self.objects.pop(where))
        return {"kind": "Status", "status": "Success"}

    def _existing(self, path: str) -> Object:
        if path not in self.objects:
            raise Refused(404, f"{path} not found")
        return self.objects[path]

    def _keep(self, path: str, body: Object) -> None:
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[path] = body


def _is_collection(path: str) -> bool:
    # Paths end in a collection after /api/v1, or /apis/GROUP/VERSION, and pairs of words.
    words = path.strip("/").split("/")
    return (len(words) - (2 if words[0] == "api" else 3)) % 2 == 1


def _merge(old: Any, new: Any, *, strategic: bool) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        merged = copy.copy(old)
        for key, value in new.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = _merge(old.get(key), value, strategic=strategic)
        return merged
    if strategic and isinstance(old, list) and all("type" in entry for entry in [*old, *new]):
        return list({entry["type"]: entry for entry in [*old, *new]}.values())
    return new


class Api:
    """Serves a store on a port of its own until closed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        handler = type("Handler", (_Handler,), {"store": store})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    store: Store
    protocol_version = "HTTP/1.1"
    # A kept connection would keep its thread, and with it the end of the server.
    timeout = 5.0

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        path = urlsplit(self.path).path.removesuffix("/status")
        try:
            with self.store.lock:
                status, reply = self._do(path, body)
                text = json.dumps(reply).encode()
        except Refused as refused:
            status = refused.code
            failure = {"kind": "Status", "status": "Failure", "message": str(refused)}
            text = json.dumps({**failure, "code": status}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _do(self, path: str, body: Object) -> tuple[int, Object]:
        match self.command:
            case "POST":
                return 201, self.store.create(path, body)
            case "PATCH":
                strategic = "strategic" in self.headers.get("Content-Type", "")
                return 200, self.store.patch(path, body, strategic=strategic)
            case "PUT":
                return 200, self.store.replace(path, body)
            case "DELETE":
                return 200, self.store.delete(path)
            case _:
                return 200, self.store.get(path)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        """Nobody reads this log."""
