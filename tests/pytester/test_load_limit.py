"""`--kp-load-limit`: a cluster that others use is not loaded above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.pytester.conftest import Judge

CASES = '''
from fixtures.clients import Client, Target

@pytest.fixture
def agent(cluster):
    with Agent(cluster.nodes[0].agent.host, cluster.nodes[0].agent.port) as made:
        yield made

@pytest.fixture
def server(agent, cluster):
    port = agent.serve()
    yield Target(cluster.nodes[0].addresses["ipv4"], port)
    agent.unserve(port)

@pytest.fixture
def echo(agent, cluster, recorder):
    node = cluster.nodes[0]
    return Client("node-1", "node", "node-1", dict(node.addresses), agent, recorder)

@case("SVC-101", feature="x", profile="routing")
def test_batch(echo, server):
    """A batch is answered."""
    assert echo.probe(server, count=20).ok

@case("SVC-102", feature="x", profile="routing")
def test_paced(echo, server):
    """A load of its own pace is answered."""
    assert echo.start(server, rate=50, duration=0.4).wait().ok

@case("SVC-103", feature="x", profile="routing")
def test_both(echo, server):
    """A batch beside a load has what the load leaves."""
    running = echo.start(server, rate=30)
    attempts = echo.probe(server, count=5)
    running.stop()
    seconds = (attempts.at_ns[-1] - attempts.at_ns[0]) / 1e9
    assert 0.35 < seconds < 5, seconds
'''


def test_a_batch_is_slowed_and_a_load_of_more_is_skipped(judge: Judge) -> None:
    """Twenty attempts at 40 a second take half a second; 50 a second are not made."""
    done = judge(CASES, "--kp-load-limit", "40", "--kp-parallel", "1")
    assert done.outcomes == {"SVC-101": "passed", "SVC-102": "skipped", "SVC-103": "passed"}
    took = {result.case.id: result for result in done.run.results}
    assert took["SVC-101"].duration_s > 0.45
    assert took["SVC-102"].sentence == (
        "makes 50 attempts a second, and --kp-load-limit leaves it 40"
    )


def test_cases_beside_each_other_share_it(judge: Judge) -> None:
    """Two at a time have half of it each."""
    done = judge(CASES, "--kp-load-limit", "80", "--kp-parallel", "2", process=True)
    assert done.outcomes["SVC-101"] == "passed"
    assert "leaves it 40" in {r.case.id: r for r in done.run.results}["SVC-102"].sentence


def test_without_it_nothing_is_slowed(judge: Judge) -> None:
    """A cluster of the run's own is there to be used."""
    done = judge(CASES.replace("0.35 <", "0 <"), "--kp-parallel", "1")
    assert set(done.outcomes.values()) == {"passed"}
    assert next(r for r in done.run.results if r.case.id == "SVC-101").duration_s < 0.45
