"""Official releases, from a server of the test's own."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
import time
from typing import TYPE_CHECKING, ClassVar

import pytest

from clusters.errors import TestbedError
from clusters.parts.progress import Recorder
from clusters.parts.releases import Releases
from clusters.parts.stop import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"kube-proxy " * 1000
FILES: dict[str, bytes] = {
    "/v1.34.4/bin/linux/amd64/kube-proxy": CONTENT,
    "/v1.34.4/bin/linux/amd64/kube-proxy.sha256": hashlib.sha256(CONTENT).hexdigest().encode(),
    "/v1.34.4/bin/linux/amd64/wrong": CONTENT,
    "/v1.34.4/bin/linux/amd64/wrong.sha256": b"0" * 64,
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves FILES, with ranges."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        """Answer one request."""
        wanted = self.headers.get("Range", "bytes=0-")
        self.asked.append((self.path, wanted))
        body = FILES.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:])

    def log_message(self, *_args: object) -> None:
        """Say nothing on standard error."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Its base address and the requests it saw."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.asked = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", Handler.asked
        listening.shutdown()
        thread.join()


def fetch(releases: Releases, name: str, into: Path, version: str = "v1.34.4") -> bool:
    with Recorder().step("x") as step:
        return releases.download(version, "amd64", name, into, stop=Stop(), step=step)


def test_a_release_is_fetched_and_checked(
    server: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    """The file is there, executable, with the published content."""
    assert fetch(Releases(server[0]), "kube-proxy", tmp_path / "kube-proxy")
    assert (tmp_path / "kube-proxy").read_bytes() == CONTENT
    assert (tmp_path / "kube-proxy").stat().st_mode & 0o111


def test_an_interrupted_download_goes_on(
    server: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    """Only the missing part is asked for, and a complete part is not asked for again."""
    (tmp_path / "kube-proxy.part").write_bytes(CONTENT[:500])
    assert fetch(Releases(server[0]), "kube-proxy", tmp_path / "kube-proxy")
    assert (tmp_path / "kube-proxy").read_bytes() == CONTENT
    assert server[1][-1][1] == "bytes=500-"
    (tmp_path / "kube-proxy").rename(tmp_path / "kube-proxy.part")
    assert fetch(Releases(server[0]), "kube-proxy", tmp_path / "kube-proxy")


def test_a_wrong_checksum_is_refused(
    server: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    """Nothing is left that a later run could take for good."""
    with pytest.raises(TestbedError, match=r"wrong v1\.34\.4: the download does not match"):
        fetch(Releases(server[0]), "wrong", tmp_path / "wrong")
    assert not list(tmp_path.iterdir())


def test_a_version_without_release_is_left_to_the_modules(
    server: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    """404 is an answer: the server stays in use for other files."""
    releases = Releases(server[0])
    assert not fetch(releases, "kube-proxy", tmp_path / "kube-proxy", "v1.99.0")
    assert fetch(releases, "kube-proxy", tmp_path / "kube-proxy")


def test_a_server_that_does_not_answer_costs_its_patience_once(tmp_path: Path) -> None:
    """A black hole is given up after the patience and not asked a second time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        releases = Releases(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=1.0)
        before = time.monotonic()
        assert not fetch(releases, "kube-proxy", tmp_path / "kube-proxy")
        assert 0.9 < time.monotonic() - before < 5
        before = time.monotonic()
        assert not fetch(releases, "kube-proxy", tmp_path / "kube-proxy")
        assert time.monotonic() - before < 0.5
