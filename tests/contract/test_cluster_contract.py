"""What every provider of clusters keeps to, as `clusters.protocol` has it."""

from __future__ import annotations

import json
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import ConfigError, ProxyproofError, TestbedError
from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST, METRICS_PORT, MODES, Node, ProxySpec
from fixtures.agent.client import Agent
from fixtures.hosts import host_of
from fixtures.kube import Kube

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clusters.protocol import AgentAddress, Cluster
    from tests.contract.conftest import Provider

HEALTHZ = f"http://{KUBE_PROXY_HOST}:{HEALTHZ_PORT}/healthz"
CONFIGZ = f"http://{KUBE_PROXY_HOST}:{METRICS_PORT}/configz"
NOBODY = "http://127.0.0.1:9/"
TIMEOUT = 0.5
LATE = 5.0
RUNNING = 60.0


@pytest.fixture
def node(cluster: Cluster) -> Iterator[Node]:
    """Lend a node that gets its proxy back, running, however the test leaves it."""
    first = cluster.nodes[0]
    before = first.spec
    yield first
    if first.spec != before or cluster.http(first, HEALTHZ).status != 200:
        cluster.set_proxy(first, before)


def hello(address: AgentAddress) -> dict[str, object]:
    """Ask an agent who it is."""
    with Agent(address.host, address.port) as agent:
        return agent.hello()


def test_nodes_are_ordered_and_unique(cluster: Cluster) -> None:
    """Nodes come in the order of their names, none twice, and the order stays."""
    names = [node.name for node in cluster.nodes]
    assert names == sorted(set(names))
    assert names == [node.name for node in cluster.nodes]
    assert len(names) == 2


def test_nodes_are_nodes(cluster: Cluster) -> None:
    """Each node has what the protocol promises, a kernel release among it."""
    for node in cluster.nodes:
        assert isinstance(node, Node)
        assert node.kernel[0].isdigit()


def families(cluster: Cluster) -> list[tuple[str, int]]:
    """Return the families that nodes and pods have addresses of, with their numbers."""
    both = "dual-stack" in cluster.capabilities
    return [("ipv4", 4), ("ipv6", 6)] if both else [("ipv4", 4)]


def test_node_addresses_are_of_each_family(cluster: Cluster) -> None:
    """Each node has an address of each family, and shares none with another node."""
    for family, version in families(cluster):
        found = [ip_address(dict(node.addresses)[family]) for node in cluster.nodes]
        assert [address.version for address in found] == [version] * len(found)
        assert len(set(found)) == len(found)


def test_capabilities_are_declared(cluster: Cluster) -> None:
    """What a provider can do is a set that nobody can change."""
    assert isinstance(cluster.capabilities, frozenset)
    assert "node-access" in cluster.capabilities


def test_node_agents_say_where_they_are(cluster: Cluster) -> None:
    """The agent of a node answers on its control port with the node's name."""
    assert [hello(node.agent)["node"] for node in cluster.nodes] == [
        node.name for node in cluster.nodes
    ]


def test_outside_clients_have_addresses_of_their_own(cluster: Cluster) -> None:
    """Each outside client answers, belongs to no node, and shares no address with one."""
    if "outside-client" not in cluster.capabilities:
        pytest.skip("this provider has no outside clients")
    taken = {address for node in cluster.nodes for address in node.addresses.values()}
    nodes = {node.name for node in cluster.nodes}
    assert cluster.outside
    for number, address in enumerate(cluster.outside, start=1):
        own = cluster.outside_addresses(number)
        assert sorted(own) == ["ipv4", "ipv6"]
        assert not taken & set(own.values())
        taken |= set(own.values())
        assert hello(address)["node"] not in nodes


def test_run_returns_what_a_command_said(cluster: Cluster) -> None:
    """A command's input, output and status of success pass through unchanged."""
    done = cluster.run(cluster.nodes[0], ["cat"], stdin="one\ntwo ä\n")
    assert (done.status, done.stdout, done.stderr) == (0, "one\ntwo ä\n", "")
    assert done.argv == ("cat",)


def test_run_does_not_raise_for_a_failed_command(cluster: Cluster) -> None:
    """A command that fails is an answer: its status and what it wrote to standard error."""
    assert cluster.run(cluster.nodes[0], ["false"]).status == 1
    listed = cluster.run(cluster.nodes[0], ["ls", "/no-such-file"])
    assert listed.status == 2
    assert "/no-such-file" in listed.stderr
    assert listed.stdout == ""


def test_run_of_a_missing_program_is_127(cluster: Cluster) -> None:
    """A program that is not there gives the status a shell gives, and is named."""
    done = cluster.run(cluster.nodes[0], ["no-such-program"])
    assert done.status == 127
    assert "no-such-program" in done.stderr


def test_run_ends_at_its_timeout(cluster: Cluster) -> None:
    """A command that does not end raises within its bound, and the node is of use afterwards."""
    started, name = time.monotonic(), cluster.nodes[0].name
    with pytest.raises(TestbedError, match=f"{name}: sleep 30: not done after {TIMEOUT} s"):
        cluster.run(cluster.nodes[0], ["sleep", "30"], timeout=TIMEOUT)
    assert TIMEOUT <= time.monotonic() - started < LATE
    assert cluster.run(cluster.nodes[0], ["true"]).status == 0


def test_http_of_a_running_proxy(cluster: Cluster) -> None:
    """The healthz of a synced kube-proxy answers 200 on its own node, a wrong path 404."""
    for node in cluster.nodes:
        assert cluster.http(node, HEALTHZ).status == 200
        assert cluster.http(node, HEALTHZ.replace("healthz", "no-such-path")).status == 404


def test_http_status_is_0_when_nobody_listens(cluster: Cluster) -> None:
    """No HTTP answer is no exception: status 0 and the reason."""
    said = cluster.http(cluster.nodes[0], NOBODY)
    assert said.status == 0
    assert "refused" in said.body.lower()


def test_set_proxy_is_visible(cluster: Cluster, node: Node) -> None:
    """After set_proxy the node runs the new spec; the other nodes run what they ran."""
    before = [other.spec for other in cluster.nodes[1:]]
    # Every kernel that runs a kube-proxy of one of these runs the other's, but IPVS it may lack.
    able = MODES if "every-mode" in cluster.capabilities else ("iptables", "nftables")
    mode = next(mode for mode in able if mode != node.spec.mode)
    spec = ProxySpec(node.spec.build, mode)
    cluster.set_proxy(node, spec)
    assert cluster.nodes[0].spec == spec
    assert cluster.http(node, HEALTHZ).status == 200
    assert [other.spec for other in cluster.nodes[1:]] == before


def test_what_has_synced_is_what_was_asked_for(
    cluster: Cluster, node: Node, provider: Provider
) -> None:
    """When set_proxy returns the old kube-proxy is gone, also on the way back to the usual one."""
    if provider.name == "fake":
        pytest.skip("nothing of it is configured: its kube-proxy is a stand-in")

    def sync_period() -> str:
        said = json.loads(cluster.http(node, CONFIGZ).body)["kubeproxy.config.k8s.io"]
        # Up to 1.34 at least it is the internal type that is shown.
        return str(
            said["SyncPeriod"] if "SyncPeriod" in said else said[node.spec.mode]["syncPeriod"]
        )

    usual, before = node.spec, sync_period()
    for period in ("41s", "42s"):
        cluster.set_proxy(node, usual.with_config({usual.mode: {"syncPeriod": period}}))
        assert sync_period() == period
    cluster.set_proxy(node, usual)
    assert sync_period() == before


def test_proxy_stops_and_starts(cluster: Cluster, node: Node) -> None:
    """stop_proxy ends one node's proxy and no other's; start_proxy brings the same spec back."""
    spec = node.spec
    cluster.stop_proxy(node)
    assert cluster.http(node, HEALTHZ).status == 0
    assert cluster.http(cluster.nodes[1], HEALTHZ).status == 200
    cluster.start_proxy(node)
    assert cluster.http(node, HEALTHZ).status == 200
    assert node.spec == spec


def test_the_api_server_stops_and_starts(cluster: Cluster) -> None:
    """Where the API server can be stopped, it is gone and comes back with what it knew."""
    if "api-restart" not in cluster.capabilities:
        with pytest.raises(ConfigError):
            cluster.stop_api()
        with pytest.raises(ConfigError):
            cluster.start_api()
        return
    kube, path = Kube(cluster.api), "/api/v1/nodes"
    before = {item["metadata"]["uid"] for item in kube.get(path)["items"]}
    cluster.stop_api()
    try:
        with pytest.raises(ProxyproofError):
            kube.get(path)
    finally:
        cluster.start_api()
    assert {item["metadata"]["uid"] for item in kube.get(path)["items"]} == before


def test_a_list_is_served_as_a_watch(cluster: Cluster, provider: Provider) -> None:
    """Clusters of ours give kube-proxy its lists as watches, as those in use do (KEP-3157)."""
    if provider.name not in ("embedded", "kind"):
        pytest.skip("this provider's API server is not ours to choose")
    how = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion="
    said = (
        Kube(cluster.api)
        .text(f"/api/v1/nodes?{how}&allowWatchBookmarks=true&timeoutSeconds=2")
        .splitlines()
    )
    events = [json.loads(line) for line in said]
    added = {event["object"]["metadata"]["name"] for event in events if event["type"] == "ADDED"}
    assert added >= {node.name for node in cluster.nodes}
    bookmarks = [event["object"]["metadata"] for event in events if event["type"] == "BOOKMARK"]
    assert any("k8s.io/initial-events-end" in (mark.get("annotations") or {}) for mark in bookmarks)


def test_foreign_node_is_refused(cluster: Cluster) -> None:
    """A node of another cluster is the caller's mistake, told by its name."""

    class Stranger:
        name = "node-of-another-cluster"
        addresses: dict[str, str] = {}  # noqa: RUF012 - a stand-in for a property
        spec = cluster.nodes[0].spec
        agent = cluster.nodes[0].agent
        kernel = ""

    with pytest.raises(ConfigError, match="node-of-another-cluster"):
        cluster.run(Stranger(), ["true"])


def test_pod_agents_are_found(cluster: Cluster) -> None:
    """A pod made through the API runs on the node it is bound to, and its agent says so."""
    kube = Kube(cluster.api)
    kube.create("/api/v1/namespaces", {"metadata": {"name": "contract"}})
    cluster.ready_namespace("contract")
    pods, last = "/api/v1/namespaces/contract/pods", cluster.nodes[-1].name
    container = {"name": "agent", "image": "agent", "args": []}
    spec = {"nodeName": last, "terminationGracePeriodSeconds": 0, "containers": [container]}
    pod = {"metadata": {"name": "web"}, "spec": spec}
    try:
        kube.create(pods, cluster.agent_pod("contract", pod))
        deadline = time.monotonic() + RUNNING
        while not ready(status := kube.get(f"{pods}/web").get("status", {})):
            assert time.monotonic() < deadline, f"the pod does not run: {status}"
            time.sleep(0.02)
        said = hello(cluster.pod_agent("contract", "web"))
        assert (said["pod"], said["node"]) == ("contract/web", last)
        assert len(status["podIPs"]) == len(families(cluster))
    finally:
        kube.delete(f"{pods}/web")
        kube.delete("/api/v1/namespaces/contract")


def ready(status: dict[str, Any]) -> bool:
    """Tell whether a pod's agent serves."""
    conditions = {entry["type"]: entry["status"] for entry in status.get("conditions", [])}
    return "podIP" in status and conditions.get("Ready") == "True"


def test_unknown_pod_has_no_agent(cluster: Cluster) -> None:
    """Asking for the agent of a pod that is not there is an error that names the pod."""
    with pytest.raises(TestbedError, match="no-such-pod"):
        cluster.pod_agent("default", "no-such-pod")


def test_collect_writes_each_node(cluster: Cluster, tmp_path: Path) -> None:
    """What is collected is a folder for each node, none of them empty."""
    cluster.collect(tmp_path / "state")
    for node in cluster.nodes:
        files = [path for path in (tmp_path / "state" / node.name).rglob("*") if path.is_file()]
        assert files
        assert sum(path.stat().st_size for path in files) > 0


def test_nodes_are_testinfra_hosts(cluster: Cluster) -> None:
    """A node answers testinfra's questions, with arguments quoted and failures as statuses."""
    host = host_of(cluster, cluster.nodes[0])
    assert host.check_output("echo %s", "one  two; three") == "one  two; three"
    assert host.run("ls /no-such").rc != 0
    assert host.file("/proc/version").contains("Linux")


def test_processes_run_outside(cluster: Cluster, tmp_path: Path) -> None:
    """What runs beside an outside client has its output kept, tells its status, can be ended."""
    if "outside-client" not in cluster.capabilities:
        pytest.skip("this provider runs nothing outside")
    for number in (0, 1):
        log = tmp_path / f"{number}.log"
        done = cluster.spawn_outside(number, f"says-{number}", ["echo", "here"], log=log)
        deadline = time.monotonic() + LATE
        while done.status() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (done.status(), log.read_text()) == (0, "here\n")
        stays = cluster.spawn_outside(number, f"stays-{number}", ["sleep", "60"], log=log)
        assert stays.status() is None
        stays.end()
        assert stays.status() not in (None, 0)
    assert ip_address(cluster.meeting_point).version == 4


def test_pods_generate_load(cluster: Cluster, tmp_path: Path) -> None:
    """Locust runs in such a pod among the files that it was given; a provider without refuses."""
    if "load-pods" not in cluster.capabilities:
        with pytest.raises(ConfigError):
            cluster.load_pod(1, cluster.nodes[0], {})
        return
    (tmp_path / "given").write_text("kept\n")
    pod = cluster.load_pod(1, cluster.nodes[0], {"deep/given": tmp_path / "given"})
    process = pod.start("version", ["--version"], log=tmp_path / "log")
    deadline = time.monotonic() + 60
    while process.status() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.status() == 0
    assert (tmp_path / "log").read_text().startswith("locust ")
    assert pod.fetch("deep/given", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_text() == "kept\n"
    assert not pod.fetch("none", tmp_path / "none")
    assert ip_address(pod.address)
    assert abs(pod.ahead()) < 365 * 86400 * 1e9
