"""Attempts against a real agent, without locust."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from fixtures.load.calls import Broken, Kept, Url, call_of
from fixtures.load.calls import Ports as SourcePorts

if TYPE_CHECKING:
    from tests.unit.load.conftest import Ports

ANY = SourcePorts()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("tcp://10.0.0.1:80", Url("tcp", "10.0.0.1", 80)),
        ("http://10.0.0.1", Url("http", "10.0.0.1", 80)),
        ("http+kept://[fd00::1]:81", Url("http", "fd00::1", 81, kept=True)),
        ("udp://10.0.0.1:53", Url("udp", "10.0.0.1", 53)),
    ],
)
def test_targets(text: str, read: Url) -> None:
    """A target is a scheme, a host and a port."""
    assert Url.parse(text) == read


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1:80", "tcp://10.0.0.1", "udp+kept://a:1", "ftp://a:1"]
)
def test_bad_targets(text: str) -> None:
    """What is none is said with what to write instead."""
    with pytest.raises(ValueError, match=r"target|datagram"):
        Url.parse(text)


@pytest.mark.parametrize("scheme", ["tcp", "http", "udp", "tcp+kept", "http+kept"])
def test_every_kind_is_answered(ports: Ports, scheme: str) -> None:
    """Each kind names the backend, takes time, and works again and again."""
    port = getattr(ports, scheme.partition("+")[0])
    call = call_of(Url.parse(f"{scheme}://127.0.0.1:{port}"), ANY, 2.0)
    answers = [call() for _ in range(3)]
    assert {answer.backend for answer in answers} == {"pod-a"}
    assert all(answer.service > 0 for answer in answers)
    fresh = scheme in ("tcp", "http")
    assert all((answer.connect is not None) is fresh for answer in answers)
    if isinstance(call, Kept):
        call.close()


def test_fresh_connections_use_the_ports_they_are_given(ports: Ports) -> None:
    """A port that somebody has is passed over."""
    first = 41_000
    with socket.socket() as taken:
        taken.bind(("", first))
        taken.listen()
        call = call_of(Url("tcp", "127.0.0.1", ports.tcp), SourcePorts(range(first, first + 9)), 2)
        assert [call().backend for _ in range(3)] == ["pod-a"] * 3


def test_refused_is_an_error() -> None:
    """Nobody there is told from an answer."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = Url("tcp", "127.0.0.1", closed.getsockname()[1])
        with pytest.raises(ConnectionRefusedError):
            call_of(url, ANY, 1.0)()


def test_a_server_that_says_nothing_times_out_or_is_enough() -> None:
    """Without a greeting connecting is all, if that was asked for."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = Url("tcp", "127.0.0.1", silent.getsockname()[1])
        with pytest.raises(TimeoutError):
            call_of(url, ANY, 0.05)()
        assert call_of(url, ANY, 0.05, greeting=False)().backend == ""


def test_a_kept_connection_is_made_anew(ports: Ports) -> None:
    """After one broke, the next attempt opens another."""
    call = Kept(Url("tcp", "127.0.0.1", ports.tcp, kept=True), ANY, 2.0)
    call()
    assert call.sock is not None
    call.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises((OSError, Broken)):
        call()
    assert call().backend == "pod-a"
    call.close()
