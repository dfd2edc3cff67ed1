"""Images out of a registry: a small real one on this machine, with and without a token."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError, TestbedError
from clusters.parts.golang import machine_arch
from clusters.parts.image_archive import get_program
from clusters.parts.registry import Reference, get_archive, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.parts.workshop import Workshop

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BLOB = "application/octet-stream"


def digest_of(content: bytes) -> str:
    """Return a digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Registry:
    """What the server has, what it wants, and what it was asked for."""

    def __init__(self) -> None:
        self.content: dict[str, tuple[str, bytes]] = {}
        self.token = ""
        self.login = ""
        self.asked: list[str] = []
        self.port = 0

    def put(self, kind: str, content: bytes, *names: str) -> str:
        """Take content in under its digest and other names."""
        for name in (digest_of(content), *names):
            self.content[name] = (kind, content)
        return digest_of(content)

    def image(self, program: bytes, tag: str, arch: str) -> str:
        """Take in an image of one layer, by an index of platforms; returns the index's digest."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w:gz") as layer:
            entry = tarfile.TarInfo("usr/local/bin/kube-proxy")
            entry.size = len(program)
            layer.addfile(entry, io.BytesIO(program))
        parts = [b"{}", raw.getvalue()]
        config, only = ({"digest": self.put(BLOB, c), "size": len(c)} for c in parts)
        described = json.dumps({"config": config, "layers": [only]}).encode()
        platform = {"digest": self.put(MANIFEST, described), "platform": {"architecture": arch}}
        return self.put(INDEX, json.dumps({"manifests": [platform]}).encode(), tag)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Lend a registry that speaks HTTP, and a docker configuration that knows a login for it."""
    held = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            if self.path.startswith("/token?"):
                right = self.headers.get("Authorization") == held.login
                body = json.dumps({"token": held.token}).encode()
                self.answer(200 if right else 401, "application/json", body)
            elif held.token and self.headers.get("Authorization") != f"Bearer {held.token}":
                realm = f'Bearer realm="http://127.0.0.1:{held.port}/token",service="s",scope="x"'
                self.answer(401, BLOB, b"", {"WWW-Authenticate": realm})
            elif found := held.content.get(self.path.rpartition("/")[2]):
                self.answer(200, *found)
            else:
                self.answer(404, BLOB, b"")

        def answer(
            self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for key, value in {"Content-Type": kind, **(headers or {})}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    encoded = base64.b64encode(b"me:secret").decode()
    held.login = f"Basic {encoded}"
    kept = {"auths": {f"127.0.0.1:{held.port}": {"auth": encoded}}}
    (tmp_path / "config.json").write_text(json.dumps(kept))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    yield held
    server.shutdown()
    server.server_close()


def reference(registry: Registry, version: str = "v1") -> Reference:
    """Return the reference of an image there."""
    return Reference(f"127.0.0.1:{registry.port}", "vendor/kube-proxy", version)


def test_what_is_a_reference() -> None:
    """The registry has to be named; paths and versions are none."""
    digest = f"sha256:{'0' * 64}"
    assert parse("registry.k8s.io/kube-proxy:v1.34.4") == Reference(
        "registry.k8s.io", "kube-proxy", "v1.34.4"
    )
    assert parse(f"localhost:5000/a/b@{digest}") == Reference("localhost:5000", "a/b", digest)
    for other in ("v1.34", "./kube-proxy", "out/kube-proxy", "kube-proxy:v1", "a.b/c", "/a.b/c:1"):
        assert parse(other) is None, other


def test_an_image_is_fetched_once(registry: Registry, workshop: Workshop) -> None:
    """The archive holds the program; the second time only the name is asked for."""
    registry.image(b"program", "v1", machine_arch())
    archive = get_archive(workshop, reference(registry))
    program, image = get_program(workshop, "x", archive)
    assert program.read_bytes() == b"program"
    assert image.name == f"127.0.0.1:{registry.port}/vendor/kube-proxy:v1"
    registry.asked.clear()
    assert get_archive(workshop, reference(registry)) == archive
    assert not [path for path in registry.asked if "/blobs/" in path]
    registry.image(b"another", "v1", machine_arch())
    moved = get_archive(workshop, reference(registry))
    assert get_program(workshop, "x", moved)[0].read_bytes() == b"another"


def test_a_digest_is_held_against_what_comes(registry: Registry, workshop: Workshop) -> None:
    """An image by its digest is that image, and has a name that nodes take."""
    digest = registry.image(b"program", "v1", machine_arch())
    by_digest = reference(registry, digest)
    assert by_digest.name.endswith(f"/vendor/kube-proxy:{digest.replace(':', '-')[:40]}")
    assert get_archive(workshop, by_digest).is_file()
    registry.content[digest] = (INDEX, b'{"manifests": []}')
    with pytest.raises(TestbedError, match="another image"):
        get_archive(workshop, by_digest)


def test_a_token_is_got_with_dockers_login(registry: Registry, workshop: Workshop) -> None:
    """A registry that asks for one gets the token of the account that docker logged in with."""
    registry.image(b"program", "v1", machine_arch())
    registry.token = "t0ken"  # noqa: S105 - as a registry gives out
    assert get_archive(workshop, reference(registry)).is_file()
    registry.login = "Basic of somebody else"
    with pytest.raises(ConfigError, match="docker login"):
        get_archive(workshop, reference(registry))


def test_what_cannot_be_had_is_said(registry: Registry, workshop: Workshop) -> None:
    """A name that is not there, another architecture, a layer that was changed on the way."""
    with pytest.raises(ConfigError, match="vendor/kube-proxy:v1: no such image"):
        get_archive(workshop, reference(registry))
    registry.image(b"program", "other", "s390x")
    with pytest.raises(ConfigError, match=f"is not for {machine_arch()}"):
        get_archive(workshop, reference(registry, "other"))
    registry.image(b"program", "v1", machine_arch())
    for name, (kind, content) in list(registry.content.items()):
        if kind == BLOB and content != b"{}":
            registry.content[name] = (kind, content + b"x")
    with pytest.raises(TestbedError, match="came damaged"):
        get_archive(workshop, reference(registry))
    nobody = Reference("127.0.0.1:1", "vendor/kube-proxy", "v1")
    with pytest.raises(TestbedError, match=r"127\.0\.0\.1:1: .*refused"):
        get_archive(workshop, nobody)
