"""An agent says that it is ready when all its ports are open, not before."""

from __future__ import annotations

import json
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from fixtures.agent import agent

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _sigterm_is_left_as_it_was() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.signal(signal.SIGTERM, before)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_ports_first_then_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who hears that it is ready may connect at once; the control port is printed then, too."""
    order: list[str] = []
    monkeypatch.setattr(agent.Server, "serve", lambda _self, port, *_: order.append(f"open {port}"))
    monkeypatch.setattr(agent.Server, "start", lambda _self: order.append("serving"))
    monkeypatch.setattr(agent.Control, "run", lambda _self: order.append("controlled"))

    def served() -> None:
        order.append("ready")
        assert "control" in json.loads(capsys.readouterr().out)

    with socket.create_server(("127.0.0.1", 0)) as control:
        given = ["--control-fd", str(control.detach()), "--pod", "case/web"]
        agent.main([*given, "--serve", "tcp:8080", "--serve", "udp:53"], served)
    assert order == ["open 8080", "open 53", "serving", "ready", "controlled"]


def test_a_port_that_cannot_be_served_is_no_readiness(capsys: pytest.CaptureFixture[str]) -> None:
    """The agent ends with the reason and never says that it is ready."""
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        socket.create_server(("127.0.0.1", 0)) as control,
    ):
        port = taken.getsockname()[1]
        given = ["--control-fd", str(control.detach()), "--serve", f"tcp:{port}:ipv4"]
        with pytest.raises(SystemExit):
            agent.main(given, lambda: pytest.fail("it said that it is ready"))
    assert "Address already in use" in capsys.readouterr().err
