"""Certificates, proved by real handshakes on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from clusters.embedded import pki

if TYPE_CHECKING:
    from pathlib import Path

ADDRESSES = ["127.0.0.1", "172.18.0.1", "fd00:172:18::1"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the files of a control plane."""
    directory = tmp_path_factory.mktemp("pki")
    pki.make(directory, ADDRESSES)
    return directory


def handshake(keys: Path, authority: Path, name: str) -> str:
    """Shake hands as a client that knows `authority` and expects `name`; return the TLS version."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(keys / "server.crt", keys / "server.key")
    client = ssl.create_default_context(cafile=str(authority))
    # Stricter than the default of older Pythons, as Python 3.13 and later are (RFC 5280).
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()
    failed: list[OSError] = []

    def serve() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as wrapped:
                wrapped.recv(1)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname=name) as wrapped:
            return str(wrapped.version())
    finally:
        here.close()
        thread.join()


@pytest.mark.parametrize("name", [*ADDRESSES, "localhost", "kubernetes.default.svc"])
def test_server_is_trusted_by_every_name(keys: Path, name: str) -> None:
    """A client that trusts the authority accepts the server under each name it is asked by."""
    assert handshake(keys, keys / "ca.crt", name) == "TLSv1.3"


def test_another_name_is_refused(keys: Path) -> None:
    """The certificate is good for no other host."""
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(keys, keys / "ca.crt", "192.0.2.1")


def test_another_authority_is_refused(keys: Path, tmp_path: Path) -> None:
    """A client that trusts another run's authority does not trust this server."""
    pki.make(tmp_path, ADDRESSES)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(keys, tmp_path / "ca.crt", "127.0.0.1")


@pytest.mark.parametrize("name", ["server.key", "sa.key"])
def test_keys_are_private(keys: Path, name: str) -> None:
    """Private keys load and are readable by their owner alone."""
    path = keys / name
    assert path.stat().st_mode & 0o777 == 0o600
    assert serialization.load_pem_private_key(path.read_bytes(), password=None)


def test_keys_differ(keys: Path) -> None:
    """ServiceAccount tokens are not signed with the server's key."""
    assert (keys / "server.key").read_bytes() != (keys / "sa.key").read_bytes()
