"""What every provider keeps to that can do something to its nodes, and says that cannot."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError
from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST
from fixtures.faults import Frozen, PowerCut, ProxyStopped, StoreStalled, Unplugged
from fixtures.link_faults import Corrupted, Narrow
from fixtures.nemesis import Nemesis, undo_all
from fixtures.program_faults import DiskFull, ToolMissing
from fixtures.record import Recorder
from fixtures.undo import UndoLog
from fixtures.victims import Victims
from fixtures.waits import Until
from reports.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from clusters.protocol import Cluster
    from fixtures.faults import Fault

HEALTHZ = f"http://{KUBE_PROXY_HOST}:{HEALTHZ_PORT}/healthz"
FAULTS: dict[str, Callable[[str], Fault]] = {
    "frozen": Frozen,
    "unplugged": Unplugged,
    "proxy-stopped": ProxyStopped,
    "store-stalled": lambda _node: StoreStalled(),
    "power-cut": PowerCut,
    "disk-full": DiskFull,
    "tool-missing": lambda node: ToolMissing(node, "ipset"),
    "damaged": Corrupted,
    "narrow": Narrow,
}
"""Each by what makes it, for the node of a name."""


@pytest.fixture
def until(tmp_path: Path) -> Iterator[Until]:
    """Wait, and keep the waits in a journal of the test's own."""
    with Journal(tmp_path / "run.jsonl") as journal:
        yield Until(Recorder(journal))


def test_what_a_provider_cannot_do_it_refuses(cluster: Cluster) -> None:
    """Without the capability each method is the caller's mistake."""
    node, faults = cluster.nodes[1], cluster.faults
    attempts: dict[str, Callable[[], None]] = {
        "node-freeze": lambda: faults.freeze(node),
        "node-power": lambda: faults.power_off(node),
        "node-partition": lambda: faults.unplug(node),
        "store-stall": faults.stall_store,
        "pod-routes": lambda: faults.route_pods(node, node.addresses["ipv4"]),
        "iptables-backend": lambda: faults.use_iptables(node, "legacy"),
        "proxy-restart": lambda: faults.signal_proxy(node, signal.SIGSTOP),
    }
    for capability, attempt in attempts.items():
        if capability not in cluster.capabilities:
            with pytest.raises(ConfigError):
                attempt()
    assert faults.is_on(node)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_shows_and_heals(cluster: Cluster, until: Until, kind: str) -> None:
    """Each fault is seen from outside, is written down meanwhile, and is over afterwards."""
    fault = FAULTS[kind](cluster.nodes[1].name)
    if not fault.requires <= cluster.capabilities:
        pytest.skip(f"this provider has no {', '.join(fault.requires - cluster.capabilities)}")
    nemesis, log = Nemesis(cluster, until), UndoLog(cluster.fault_log)
    with nemesis.during(fault):
        assert [entry.fault for entry in log.left()] == [fault.plain()]
    assert log.left() == []
    until(
        "kube-proxy is well",
        lambda: cluster.http(cluster.nodes[1], HEALTHZ).status == 200,
        within=60,
    )
    assert Victims(cluster).obeys(cluster.nodes[1].name)


def test_another_process_undoes_what_was_left(cluster: Cluster, until: Until) -> None:
    """Who takes a cluster over finds what is in force, and undoes it."""
    if "node-partition" not in cluster.capabilities:
        pytest.skip("this provider has no node-partition")
    Nemesis(cluster, until).begin(Unplugged(cluster.nodes[1].name))
    said: list[str] = []
    undo_all(cluster, said.append)
    assert len(said) == 1
    assert Victims(cluster).reached(cluster.nodes[1].name)
    assert UndoLog(cluster.fault_log).left() == []
