"""What outlives a probe: held connections, background probes, and servers that go away."""

from __future__ import annotations

import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.agent.client import Agent, AgentRefused, Plan
from tests.unit.agent.standing import stop

if TYPE_CHECKING:
    from tests.unit.agent.conftest import Launch

LOOPBACK = "127.0.0.1"


def open_connections(server: Agent, port: int) -> int:
    return next(served.open for served in server.served() if served.port == port)


def until_open(server: Agent, port: int, wanted: int) -> None:
    for _ in range(200):
        if open_connections(server, port) == wanted:
            return
        time.sleep(0.01)
    assert open_connections(server, port) == wanted


@pytest.mark.parametrize("how", ["rst", "fin"])
def test_held_connections_live_until_released(
    client: Agent, server: Agent, tcp: int, how: str
) -> None:
    """Connections stay open between checks, and a release of either kind ends them."""
    with client.hold(Plan(host=LOOPBACK, port=tcp, count=3)) as held:
        assert held.opened.ok
        for _ in range(2):
            seen = held.check()
            assert seen.outcomes() == {"alive": 3}
            assert seen.by_backend() == {"pod-a": 3}
            assert seen.local_port == held.opened.local_port
            assert all(seen.first_byte_ns)
        assert open_connections(server, tcp) == 3
        held.release(how)  # type: ignore[arg-type]
        until_open(server, tcp, 0)


def test_held_connections_tell_how_they_ended(client: Agent, server: Agent, tcp: int) -> None:
    """A reset is told from a silence, with and without asking, and once dead stays dead."""
    with client.hold(Plan(host=LOOPBACK, port=tcp, count=2)) as held:
        assert held.check(ask=False).outcomes() == {"alive": 2}
        server.reset(tcp)
        assert held.check(ask=False).outcomes() == {"reset": 2}
        assert held.check().outcomes() == {"reset": 2}
        assert held.check().by_backend() == {}


def test_held_connections_tell_a_fin_and_a_silence(client: Agent, launch: Launch) -> None:
    """A server that ended has closed; one that hangs has not, and all wait one timeout only."""
    with launch("--serve", "tcp:0") as (server, process):
        port = server.served()[0].port
        with client.hold(Plan(host=LOOPBACK, port=port, count=50, timeout=1)) as held:
            stop(process)
            began = time.monotonic()
            assert held.check().outcomes() == {"timeout": 50}
            assert time.monotonic() - began < 25
            process.send_signal(signal.SIGCONT)
            assert held.check().outcomes() == {"alive": 50}
            process.terminate()
            process.wait()
            assert held.check(ask=False).outcomes() == {"closed": 50}


def test_a_server_ends_at_once_after_it_stood_still(launch: Launch) -> None:
    """SIGTERM is heard also when the kernel gives it to a thread other than the first."""
    for _ in range(10):
        with launch("--serve", "tcp:0") as (_server, process):
            process.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGCONT)
            process.terminate()
            assert process.wait(5) == 0


def test_a_held_udp_flow_names_who_answers_now(client: Agent, server: Agent) -> None:
    """A flow outlives its server; refused while nobody is there, alive when somebody is again."""
    port = server.serve(protocol="udp")
    with client.hold(Plan(host=LOOPBACK, port=port, protocol="udp", timeout=0.2, count=2)) as held:
        assert held.check().by_backend() == {"pod-a": 2}
        server.unserve(port, "udp")
        assert held.check().outcomes() == {"refused": 2}
        server.serve(port, "udp")
        again = held.check()
        assert again.outcomes() == {"alive": 2}
        assert again.local_port == held.opened.local_port
    server.unserve(port, "udp")


def test_only_connections_that_opened_are_held(client: Agent, server: Agent) -> None:
    """Attempts that failed are told by `opened` and are not part of a check."""
    port = server.serve()
    server.unserve(port)
    with client.hold(Plan(host=LOOPBACK, port=port, count=2)) as held:
        assert held.opened.outcomes() == {"refused": 2}
        assert len(held.check()) == 0


def test_two_thousand_connections_are_held(client: Agent, server: Agent, tcp: int) -> None:
    """Thousands of connections are opened, asked and released without loss."""
    with client.hold(Plan(host=LOOPBACK, port=tcp, count=2000, timeout=5)) as held:
        assert held.check().outcomes() == {"alive": 2000}
        assert open_connections(server, tcp) == 2000
    until_open(server, tcp, 0)


def test_a_background_probe_is_fetched_and_stopped(client: Agent, tcp: int) -> None:
    """The record grows while it runs; stop returns all of it, and later fetches the same."""
    plan = Plan(host=LOOPBACK, port=tcp, rate=100)
    with client.start(plan) as probe:
        early = probe.fetch()
        while len(probe.fetch()) < 5:
            time.sleep(0.01)
        assert not probe.done
        with pytest.raises(ValueError, match="without end"):
            probe.fetch(wait=True)
        whole = probe.stop()
    assert whole.at_ns[: len(early)] == early.at_ns
    assert probe.done
    assert probe.fetch() is whole


def test_a_background_probe_is_waited_for(client: Agent, tcp: int) -> None:
    """Waiting ends with the plan and gives every attempt."""
    with client.start(Plan(host=LOOPBACK, port=tcp, rate=200, count=20)) as probe:
        seen = probe.fetch(wait=True)
    assert probe.done
    assert seen.outcomes() == {"ok": 20}


def test_a_name_no_longer_known_is_refused(client: Agent, tcp: int) -> None:
    """What was stopped cannot be asked for again."""
    probe = client.start(Plan(host=LOOPBACK, port=tcp, count=1))
    probe.stop()
    with pytest.raises(AgentRefused, match=probe.id):
        client.request("fetch", id=probe.id)


def test_serving_is_idempotent_and_counted(client: Agent, server: Agent, tcp: int) -> None:
    """A port served twice is one port, its visitors are counted and remembered."""
    assert server.serve(tcp) == tcp
    seen = client.probe(Plan(host=LOOPBACK, port=tcp, count=3))
    (served,) = [served for served in server.served() if served.port == tcp]
    assert served.count == 3
    assert served.sources == seen.source


def test_one_family_only(client: Agent, server: Agent) -> None:
    """A port may be served on one family, and the other is refused."""
    for family, open_at, closed_at in (("ipv4", LOOPBACK, "::1"), ("ipv6", "::1", LOOPBACK)):
        port = server.serve(family=family)  # type: ignore[arg-type]
        assert client.probe(Plan(host=open_at, port=port, count=1)).ok
        refused = client.probe(Plan(host=closed_at, port=port, count=1))
        assert refused.outcomes() == {"refused": 1}
        server.unserve(port)


def test_a_port_in_use_is_named(server: Agent) -> None:
    """A port that another process has cannot be served, and the reason says so."""
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        with pytest.raises(AgentRefused, match="in use"):
            server.serve(other.getsockname()[1])


@pytest.mark.parametrize("by_signal", [True, False])
def test_draining_refuses_newcomers_and_keeps_the_rest(
    client: Agent,
    launch: Launch,
    by_signal: bool,  # noqa: FBT001
) -> None:
    """After SIGTERM, or told so, open connections are served until the grace is over."""
    with launch("--serve", "tcp:0", "--serve", "udp:0", "--grace", "0.7") as (server, process):
        tcp, udp = (served.port for served in server.served())
        with client.hold(Plan(host=LOOPBACK, port=tcp, count=2)) as held:
            if by_signal:
                process.terminate()
                while server.served()[0].protocol == "tcp":
                    pass
            else:
                server.drain(0.7)
            newcomer = client.probe(Plan(host=LOOPBACK, port=tcp, count=1))
            assert newcomer.outcomes() == {"refused": 1}
            assert held.check().outcomes() == {"alive": 2}
            assert client.probe(Plan(host=LOOPBACK, port=udp, protocol="udp", count=1)).ok
            assert process.wait(5) == 0
            assert set(held.check().outcome) <= {"closed", "reset"}


def test_a_terminating_pod_may_go_on_accepting(client: Agent, launch: Launch) -> None:
    """A pod that is terminating but serving accepts until its end (KEP-1669)."""
    with launch("--serve", "tcp:0", "--grace", "0.5", "--keep-accepting") as (server, process):
        port = server.served()[0].port
        process.terminate()
        while process.poll() is None:
            seen = client.probe(Plan(host=LOOPBACK, port=port, count=1))
            assert seen.ok or process.wait(5) == 0
        assert client.probe(Plan(host=LOOPBACK, port=port, count=1)).outcomes() == {"refused": 1}
