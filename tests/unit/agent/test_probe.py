"""Probes of a running agent against real sockets: outcomes, sources, pace."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fixtures.agent.client import Agent, AgentRefused, Plan, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


@contextmanager
def stranger(kind: socket.SocketKind, *, greeting: bytes, reply_from: str = "") -> Iterator[int]:
    """Be a server that is not an agent: it says `greeting` and nothing else that makes sense."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("", 0))
        if kind == socket.SOCK_STREAM:
            sock.listen()

        def serve() -> None:
            if kind == socket.SOCK_STREAM:
                conn, _peer = sock.accept()
                with conn:
                    conn.sendall(greeting)
                    with suppress(ConnectionResetError):
                        conn.recv(4096)
                        conn.sendall(b"sum 00\n")
                return
            data, peer = sock.recvfrom(4096)
            with socket.socket(socket.AF_INET, kind) as other:
                if reply_from:
                    other.bind((reply_from, 0))
                    other.sendto(data, peer)
                else:
                    sock.sendto(greeting, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("host", [LOOPBACK, "::1"])
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_every_attempt_names_its_server(
    client: Agent, server: Agent, host: str, protocol: Transport
) -> None:
    """Each attempt knows pod, node, both ends as the server saw them, and a running number."""
    port = server.serve(protocol=protocol)
    seen = client.probe(Plan(host=host, port=port, protocol=protocol, count=5))
    server.unserve(port, protocol)

    assert seen.ok
    assert seen.by_backend() == {"pod-a": 5}
    assert set(seen.node) == {"node-1"}
    assert seen.sources() == {host: 5}
    assert [int((source or "").rpartition(":")[2]) for source in seen.source] == seen.local_port
    assert set(seen.server_ip) == {host}
    assert set(seen.server_port) == {port}
    assert seen.seq == [1, 2, 3, 4, 5]
    assert all(
        first and first > (connect or 0)
        for first, connect in zip(seen.first_byte_ns, seen.connect_ns, strict=True)
    )


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_closed_port_is_refused(client: Agent, server: Agent, protocol: Transport) -> None:
    """Nobody listening is told at once, by RST or by ICMP, and is not a timeout."""
    port = server.serve(protocol=protocol)
    server.unserve(port, protocol)
    for reuse in (False, True):
        plan = Plan(host=LOOPBACK, port=port, protocol=protocol, count=3, reuse=reuse)
        assert client.probe(plan).outcomes() == {"refused": 3}


def test_dropped_syns_are_a_timeout_with_retransmits(
    client: Agent, server: Agent, tcp: int
) -> None:
    """A full backlog drops SYNs: no connect time, a local port, and the SYN was sent again."""
    server.pause(tcp, backlog=0)
    seen = client.probe(Plan(host=LOOPBACK, port=tcp, count=4, timeout=1.2, concurrency=4))
    server.resume(tcp)

    dropped = seen.where(connect_ns=None)
    assert len(dropped) >= 2
    assert dropped.outcomes() == {"timeout": len(dropped)}
    assert all(count >= 1 for count in dropped.retransmits)
    assert all(dropped.local_port)


def test_an_unanswered_connection_is_a_timeout(client: Agent, server: Agent, tcp: int) -> None:
    """The kernel connects while the server is paused; that nothing follows is a timeout."""
    server.pause(tcp)
    seen = client.probe(Plan(host=LOOPBACK, port=tcp, count=2, timeout=0.1))
    server.resume(tcp)

    assert seen.outcomes() == {"timeout": 2}
    assert all(seen.connect_ns)
    assert seen.by_backend() == {}
    assert client.probe(Plan(host=LOOPBACK, port=tcp, count=2)).ok


@pytest.mark.parametrize("reuse", [False, True])
def test_an_unanswered_datagram_is_a_timeout(
    client: Agent,
    server: Agent,
    udp: int,
    reuse: bool,  # noqa: FBT001
) -> None:
    """UDP waits as long as the plan says; the next attempt is not fooled by a late answer."""
    server.pause(udp)
    plan = Plan(host=LOOPBACK, port=udp, protocol="udp", count=2, timeout=0.1, reuse=reuse)
    seen = client.probe(plan)
    server.resume(udp)

    assert seen.outcomes() == {"timeout": 2}
    assert client.probe(plan).ok


def test_late_answers_on_one_flow_are_told_from_their_own(
    client: Agent, server: Agent, udp: int
) -> None:
    """On a flow that stalled, answers to attempts given up are skipped, not counted."""
    server.pause(udp)
    plan = Plan(
        host=LOOPBACK, port=udp, protocol="udp", timeout=0.1, rate=20, reuse=True, duration=10
    )
    with client.start(plan) as probe:
        while len(probe.fetch()) < 2:
            pass
        server.resume(udp)
        while "ok" not in probe.fetch().outcome:
            pass
        seen = probe.stop()

    assert set(seen.outcome) == {"timeout", "ok"}
    assert len(set(seen.local_port)) == 1


def test_no_route_is_unreachable(client: Agent) -> None:
    """The kernel refuses TCP to the broadcast address, and UDP without the permission."""
    protocols: tuple[Transport, ...] = ("tcp", "udp")
    for protocol in protocols:
        plan = Plan(host="255.255.255.255", port=9, protocol=protocol, count=2)
        assert client.probe(plan).outcomes() == {"unreachable": 2}


def test_a_connection_cut_after_connect_is_reset(client: Agent, server: Agent, tcp: int) -> None:
    """RST on an open connection is a reset, and the flow then connects again."""
    plan = Plan(host=LOOPBACK, port=tcp, reuse=True, rate=200, duration=10)
    with client.start(plan) as probe:
        while "ok" not in probe.fetch().outcome:
            pass
        assert server.reset(tcp) == 1
        while "reset" not in probe.fetch().outcome or probe.fetch().outcome[-1] != "ok":
            pass
        seen = probe.stop()

    assert seen.outcomes()["reset"] == 1
    assert len(set(seen.where(outcome="ok").local_port)) == 2
    failure = seen.first_failure()
    assert failure is not None
    assert failure.outcome == "reset"


def test_a_payload_comes_back_as_its_checksum(client: Agent, tcp: int, udp: int) -> None:
    """Payloads larger than a segment arrive whole, on fresh connections and on one."""
    for reuse in (False, True):
        plan = Plan(host=LOOPBACK, port=tcp, count=3, payload=300_000, reuse=reuse)
        assert client.probe(plan).ok
    assert client.probe(Plan(host=LOOPBACK, port=udp, protocol="udp", count=3, payload=1400)).ok


def test_a_wrong_checksum_is_garbled(client: Agent) -> None:
    """A server that greets like an agent but sums wrongly has damaged the payload."""
    identity = b'{"pod":"x","node":"y","ip":"","port":1,"src":"","sport":1,"seq":1}\n'
    with stranger(socket.SOCK_STREAM, greeting=identity) as port:
        seen = client.probe(Plan(host=LOOPBACK, port=port, count=1, payload=10))
    assert seen.outcomes() == {"garbled": 1}


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_server_that_is_no_agent_is_garbled(client: Agent, kind: socket.SocketKind) -> None:
    """An answer of something else than an agent is never counted as a backend's."""
    protocol: Transport = "tcp" if kind == socket.SOCK_STREAM else "udp"
    with stranger(kind, greeting=b"220 mail.example ESMTP\n") as port:
        seen = client.probe(Plan(host=LOOPBACK, port=port, protocol=protocol, count=1))
    assert seen.outcomes() == {"garbled": 1}
    assert seen.by_backend() == {}


def test_an_answer_from_a_wrong_peer_is_garbled(client: Agent) -> None:
    """A reply that was not translated back arrives from the backend's own address."""
    with stranger(socket.SOCK_DGRAM, greeting=b"", reply_from="127.0.0.2") as port:
        seen = client.probe(Plan(host=LOOPBACK, port=port, protocol="udp", count=1))
    assert seen.outcomes() == {"garbled": 1}
    assert "127.0.0.2" in (seen.error[0] or "")


def test_udp_answers_from_the_address_that_was_asked(client: Agent, udp: int) -> None:
    """A server with several addresses answers from the one in the datagram."""
    seen = client.probe(Plan(host="127.0.0.9", port=udp, protocol="udp", count=2))
    assert seen.ok
    assert set(seen.server_ip) == {"127.0.0.9"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def test_a_fixed_udp_port_is_one_flow(client: Agent, udp: int) -> None:
    """One source port means one socket, so conntrack sees a single flow."""
    port = free_port()
    plan = Plan(host=LOOPBACK, port=udp, protocol="udp", count=4, source_ports=(port, port))
    assert client.probe(plan).local_port == [port] * 4


def test_source_ports_are_cycled_and_free_at_once(client: Agent, tcp: int) -> None:
    """A range comes round again with no TIME_WAIT in the way, because connections end by RST."""
    first = free_port()
    plan = Plan(
        host=LOOPBACK, port=tcp, count=7, source="127.0.0.5", source_ports=(first, first + 2)
    )
    seen = client.probe(plan)
    assert seen.ok
    assert seen.local_port == [first + i % 3 for i in range(7)]
    assert seen.sources() == {"127.0.0.5": 7}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_port_in_use_is_left_to_its_owner(
    client: Agent, tcp: int, udp: int, protocol: Transport
) -> None:
    """Where any port will do another is taken; a flow that needs just this one says why not."""
    port = {"tcp": tcp, "udp": udp}[protocol]
    kind = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}[protocol]
    with socket.socket(type=kind) as owner:
        owner.bind((LOOPBACK, 0))
        if protocol == "tcp":
            owner.listen()
        taken = owner.getsockname()[1]
        plan = Plan(
            host=LOOPBACK,
            port=port,
            protocol=protocol,
            count=1,
            source_ports=(taken, taken),
            any_port=True,
        )
        seen = client.probe(plan)
        assert seen.ok
        assert seen.local_port != [taken]
        refused = client.probe(replace(plan, any_port=False))
        assert (refused.outcome, refused.error) == (["error"], ["Address already in use"])


def test_rst_leaves_no_time_wait_and_fin_does(client: Agent, tcp: int) -> None:
    """The default close frees the port on the wire; FIN keeps the client's end for a minute."""
    ends = {}
    for how in ("rst", "fin"):
        seen = client.probe(Plan(host=LOOPBACK, port=tcp, count=1, close=how))
        # Others on the machine may use the same port towards another one.
        own = (f":{seen.local_port[0]:04X}", f":{tcp:04X}")
        with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123
            pairs = [line.split()[1:3] for line in table]
        ends[how] = any(a.endswith(own[0]) and b.endswith(own[1]) for a, b in pairs)
    assert ends == {"rst": False, "fin": True}


def test_an_open_loop_keeps_its_schedule(client: Agent, tcp: int) -> None:
    """Intended times are exact multiples of the rate, however late an attempt was."""
    plan = Plan(host=LOOPBACK, port=tcp, count=60, rate=300, concurrency=4)
    seen = client.probe(plan)
    start = seen.at_ns[0]
    assert [at - start for at in seen.at_ns] == [int(i * 1e9 / 300) for i in range(60)]
    assert all(late >= 0 for late in seen.late_ns)
    assert seen.ok


def test_slow_attempts_do_not_delay_an_open_loop(client: Agent, server: Agent, tcp: int) -> None:
    """With enough workers, attempts that hang do not hold up those that follow."""
    server.pause(tcp)
    plan = Plan(host=LOOPBACK, port=tcp, count=20, rate=100, concurrency=20, timeout=0.5)
    seen = client.probe(plan)
    server.resume(tcp)
    assert seen.outcomes() == {"timeout": 20}
    assert sum(late < 500_000_000 for late in seen.late_ns) == 20


def test_duration_bounds_a_probe(client: Agent, tcp: int) -> None:
    """A duration is an alternative to a count: times rate when paced, else until it is over."""
    assert len(client.probe(Plan(host=LOOPBACK, port=tcp, rate=100, duration=0.1))) == 10
    seen = client.probe(Plan(host=LOOPBACK, port=tcp, duration=0.1, concurrency=2))
    assert seen.ok
    assert seen.at_ns[-1] - seen.at_ns[0] < 100_000_000


def test_thousands_of_attempts_fit_one_answer(client: Agent, tcp: int) -> None:
    """Five thousand attempts by several workers come back in one line, none lost."""
    seen = client.probe(Plan(host=LOOPBACK, port=tcp, count=5000, concurrency=4))
    assert seen.outcomes() == {"ok": 5000}
    assert sorted(n or 0 for n in seen.seq) == list(range(1, 5001))
    assert seen.at_ns == sorted(seen.at_ns)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"count": None}, "count or a duration"),
        ({"timeout": 0}, "above 0"),
        ({"protocol": "icmp"}, "icmp"),
        ({"source_ports": (9, 3)}, "source_ports"),
        ({"host": "no-such-host.invalid"}, "gaierror"),
        ({"protocol": "udp", "reuse": True, "concurrency": 2}, "concurrency must be 1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    client: Agent, change: dict[str, object], complaint: str
) -> None:
    """A wrong plan is named as such and the agent goes on."""
    fields: dict[str, object] = {"host": LOOPBACK, "port": 1, "count": 1}
    with pytest.raises(AgentRefused, match=complaint):
        client.probe(Plan(**{**fields, **change}))  # type: ignore[arg-type]
    assert client.hello()["pod"] == "client"


def test_sctp_works_or_says_why_not(client: Agent) -> None:
    """Where the kernel has no SCTP the attempt is an error with the kernel's words."""
    seen = client.probe(Plan(host=LOOPBACK, port=9, protocol="sctp", count=1))
    outcome, error = seen.outcome[0], seen.error[0]
    assert outcome == "refused" or (outcome == "error" and "not supported" in (error or ""))
