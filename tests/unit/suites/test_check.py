"""The steps of cases on real agents: what they accept, what they refuse, and in which words."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import pytest

from clusters.fake import FakeCluster
from clusters.protocol import ProxySpec
from fixtures.agent.attempts import Attempts
from fixtures.agent.client import Agent
from fixtures.clients import Client, Target
from fixtures.proxy_state import ProxyState
from fixtures.record import Recorder
from fixtures.timeouts import Timeouts
from fixtures.waits import Until
from reports.journal import Journal
from suites.check import Check, nobody, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from fixtures.workloads import Pod

# Far below what a build is given, so that a step that must fail fails soon.
SHORT = replace(Timeouts(), programmed=0.3, answer=1.0, drop=0.1)


@dataclass(frozen=True)
class Someone:
    """A pod as a check knows it."""

    name: str
    identity: str


def pods(*identities: str) -> list[Pod]:
    """Return what stands for pods of these identities."""
    return [cast("Pod", Someone(identity.strip("/"), identity)) for identity in identities]


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    """Lend two nodes."""
    made = FakeCluster([ProxySpec(Path("/no/kube-proxy"), "iptables")] * 2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(cluster: FakeCluster) -> Iterator[Agent]:
    """Lend the agent of node-2, which serves."""
    with Agent(cluster.nodes[1].agent.host, cluster.nodes[1].agent.port) as agent:
        yield agent


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """Collect for no case."""
    with Journal(tmp_path_factory.mktemp("journal") / "run.jsonl") as journal:
        yield Recorder(journal)


@pytest.fixture(scope="module")
def client(cluster: FakeCluster, recorder: Recorder) -> Iterator[Client]:
    """Lend node-1 as a client."""
    node = cluster.nodes[0]
    with Agent(node.agent.host, node.agent.port) as agent:
        yield Client("node-1", "node", "node-1", dict(node.addresses), agent, recorder)


@pytest.fixture(scope="module")
def check(cluster: FakeCluster, recorder: Recorder) -> Check:
    """Judge with short bounds."""
    return Check(Until(recorder), SHORT, ProxyState(cluster), atomic=False)


@pytest.fixture(scope="module")
def target(server: Agent) -> Target:
    """A port where node-2's agent answers."""
    return Target("127.0.2.1", server.serve())


@pytest.fixture
def closed(server: Agent) -> Target:
    """A port where nobody listens."""
    port = server.serve()
    server.unserve(port)
    return Target("127.0.2.1", port)


def test_reaches_the_pod_that_answers(check: Check, client: Client, target: Target) -> None:
    """Connections answered by exactly the pods named are right, and are returned."""
    attempts = check.reaches(client, target, pods("/node-2"), count=20)
    assert attempts.by_backend() == {"/node-2": len(attempts)}


def test_another_pod_is_wrong(check: Check, client: Client, target: Target) -> None:
    """An answer of a pod that is not named fails, and both are told."""
    with pytest.raises(AssertionError, match=r"(?s)node-1 reaches web-1 .*node-2"):
        check.reaches(client, target, pods("web-1"))


def test_a_pod_never_chosen_is_wrong(check: Check, client: Client, target: Target) -> None:
    """Each pod named has to answer; one that never does is told."""
    with pytest.raises(AssertionError, match="web-1"):
        check.reaches(client, target, pods("/node-2", "web-1"))


def test_a_pod_never_chosen_may_be_right(check: Check, client: Client, target: Target) -> None:
    """With session affinity it is enough that nobody else answers."""
    both = pods("/node-2", "web-1")
    assert check.reaches(client, target, both, count=10, every_pod=False).ok


def test_a_node_settles_once_for_each_change(
    cluster: FakeCluster, recorder: Recorder, client: Client, target: Target
) -> None:
    """Syncs are waited for until two have ended, and again once the case has changed something.

    One is not enough: where the first target was served before the change, too, nothing says that
    the sync which ended knew of it, and the next one may be half done.
    """
    asked: list[str] = []

    class Watched(ProxyState):
        def after_sync(
            self, names: str | Collection[str], syncs: int, family: str = ""
        ) -> Callable[[], bool]:
            asked.append(f"{' '.join(sorted(names))} {syncs} {family}")
            return super().after_sync(names, syncs, family)

    changes = 0
    check = Check(Until(recorder), SHORT, Watched(cluster), atomic=False, changes=lambda: changes)
    for _ in range(3):
        check.reaches(client, target, pods("/node-2"))
    assert asked == ["node-1 node-2 1 ipv4"] * 2
    changes = 1
    check.reaches(client, target, pods("/node-2"))
    assert len(asked) == 3
    check.until_settled(client, target)
    check.reaches(client, target, pods("/node-2"))
    assert asked[3:] == ["node-1 node-2 2 ipv4"]


def test_nothing_is_judged_twice_where_the_nodes_have_settled(
    cluster: FakeCluster, recorder: Recorder, client: Client, target: Target
) -> None:
    """The first look is the judgement where nothing was changed since; more are made if asked."""
    changes = 0
    check = Check(Until(recorder), SHORT, ProxyState(cluster), atomic=True, changes=lambda: changes)

    def connections(count: int = 0) -> int:
        before = recorder.packets
        check.reaches(client, target, pods("/node-2"), count=count)
        return recorder.packets - before

    assert connections() == 1 + 31 + 31
    check.until_settled(client, target)
    assert connections() == 1 + 31
    assert connections(count=100) == 1 + 31 + 100
    changes = 1
    assert connections() == 1 + 31 + 31


def test_refuses(check: Check, client: Client, closed: Target, target: Target) -> None:
    """A closed port refuses; a port that answers does not."""
    assert set(check.refuses(client, closed).outcome) == {"refused"}
    with pytest.raises(AssertionError, match="node-1 is refused at"):
        check.refuses(client, target)


def test_a_refusal_is_no_drop(check: Check, client: Client, closed: Target) -> None:
    """Refused and dropped are told apart."""
    with pytest.raises(AssertionError, match=r"not within 0\.3 s"):
        check.drops(client, closed)


@pytest.mark.parametrize(
    ("protocol", "awake", "patient"),
    [("udp", True, False), ("udp", False, True), ("tcp", True, True)],
)
def test_silence_of_nodes_at_work_is_believed_at_once(
    recorder: Recorder,
    cluster: FakeCluster,
    client: Client,
    protocol: Literal["tcp", "udp"],
    *,
    awake: bool,
    patient: bool,
) -> None:
    """Where a node may be busy, or has made the connection, an answer is waited for."""
    asked: list[set[str]] = []

    def at_work(names: Collection[str]) -> bool:
        asked.append(set(names))
        return awake

    bounds = replace(SHORT, programmed=5.0)
    check = Check(Until(recorder), bounds, ProxyState(cluster), atomic=True, awake=at_work)
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as mute:
        mute.bind(("127.0.0.1", 0))
        if protocol == "tcp":
            mute.listen(64)
        began = time.monotonic()
        check.silent(client, Target("127.0.0.1", mute.getsockname()[1], protocol))
    assert asked == [{"node-1"}]
    assert (time.monotonic() - began > SHORT.answer) == patient


def test_silent(check: Check, client: Client, closed: Target, target: Target) -> None:
    """Nobody answers at a closed port; at one that answers, who did is told."""
    assert not check.silent(client, closed).by_backend()
    with pytest.raises(AssertionError, match=r"answered by /node-2 \(10\)"):
        check.silent(client, target)


def test_who_is_slow_is_not_silent(check: Check, client: Client, server: Agent) -> None:
    """A server that is too busy for a moment answers within the time that an answer may take."""
    port = server.serve()
    server.pause(port)
    busy = threading.Timer(0.5, server.resume, [port])
    busy.start()
    with pytest.raises(AssertionError, match=r"answered by /node-2 \(10\)"):
        check.silent(client, Target("127.0.2.1", port))
    busy.join()
    server.unserve(port)


def test_nobody_needs_an_attempt(client: Client, closed: Target, target: Target) -> None:
    """No attempt proves nothing, refused ones are right, an answer is wrong."""
    assert nobody(Attempts()).ok is None
    assert nobody(client.probe(closed, 3)).ok is True
    wrong = nobody(client.probe(target, 3))
    assert wrong.ok is False
    assert "3 of 3" in wrong.sentence
    assert "/node-2 (3)" in wrong.sentence


def test_sources(client: Client, closed: Target, target: Target) -> None:
    """The addresses that backends saw are all allowed ones, or each strange one is told."""
    attempts = client.probe(target, 3)
    (seen,) = attempts.sources()
    assert sources(attempts, {seen}, "the client").ok is True
    wrong = sources(attempts, {"192.0.2.1"}, "the client")
    assert wrong.ok is False
    assert seen in wrong.sentence
    assert "the client (192.0.2.1)" in wrong.sentence
    assert sources(client.probe(closed, 2), {seen}, "the client").ok is None
