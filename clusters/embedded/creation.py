"""How an embedded cluster comes into being, or is taken over."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.embedded import labclient, network, rundir
from clusters.embedded.addresses import API_PORT, API_SERVER
from clusters.embedded.control_plane import Binaries, ControlPlane
from clusters.embedded.node import EmbeddedNode, KernelKind
from clusters.embedded.provider import EmbeddedCluster
from clusters.protocol import AgentAddress, ProxySpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.embedded.labclient import LabClient

OUTSIDE_CLIENTS = 2
FIRST_SYNC = 20.0
"""Seconds that a kube-proxy has from its start to its first sync."""

OUTSIDE_CONTROL_PORT = 7300
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "fixtures" / "agent" / "agent.py"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an embedded cluster is made of."""

    binaries: Binaries
    kernel_kind: KernelKind
    kernel: Path | None
    specs: Sequence[ProxySpec]
    logs: Path
    tools: tuple[Path, ...] = ()
    outside: int = OUTSIDE_CLIENTS
    iptables_backend: str = "nft"
    first_sync: float = FIRST_SYNC


class Creation:
    """Brings a cluster up, step by step, each step timed."""

    def __init__(self, plan: Plan, note: Callable[[str], None] = lambda _text: None) -> None:
        self.plan = plan
        self.note = note
        self.directory = rundir.new()
        self.started = time.monotonic()

    def create(self) -> EmbeddedCluster:
        """Return the cluster when its nodes are registered and kube-proxy has synced on each."""
        lab = self._enter()
        try:
            return self._build(lab)
        except BaseException:
            lab.close()
            rundir.wait_gone(self.directory)
            raise

    def _enter(self) -> LabClient:
        pid = labclient.start(self.directory)
        rundir.write_pid(self.directory, pid)
        lab = labclient.LabClient(self.directory)
        lab.ask("own")
        labclient.join_network(pid)
        return lab

    def _build(self, lab: LabClient) -> EmbeddedCluster:
        plan = self.plan
        compile_guest()
        control_plane = ControlPlane(
            lab, plan.binaries, self.directory / "control-plane", plan.logs
        )
        cluster = EmbeddedCluster(lab, control_plane, plan.logs, plan.first_sync)
        plan.logs.mkdir(parents=True, exist_ok=True)
        network.prepare(lab, nodes=len(plan.specs), outside=plan.outside)
        self._step(cluster, "network")
        control_plane.start()
        self._power_on(cluster, control_plane)
        self._outside(cluster)
        for node in cluster.embedded_nodes:
            node.wait_up()
        self._step(cluster, "nodes")
        control_plane.wait_ready()
        (self.directory / "api-ready").touch()
        control_plane.start_controllers()
        self._step(cluster, "API server")
        for node in cluster.embedded_nodes:
            cluster.check_kernel(node, node.spec)
            cluster.runner.start(node)
        for node in cluster.embedded_nodes:
            cluster.runner.wait_synced(node)
        self._step(cluster, "kube-proxy synced")
        cluster.save()
        return cluster

    def _step(self, cluster: EmbeddedCluster, name: str) -> None:
        seconds = time.monotonic() - self.started
        cluster.steps.append((name, seconds))
        self.note(f"{name} ready after {seconds:.1f} s")

    def _power_on(self, cluster: EmbeddedCluster, control_plane: ControlPlane) -> None:
        tools = [str(path) for path in self.plan.tools]
        shared = {
            "path": ":".join(["/run/tools", *tools, SYSTEM_PATH]),
            "iptables_backend": self.plan.iptables_backend,
            "api_server": [API_SERVER["ipv4"], API_PORT],
            "api_ready": str(self.directory / "api-ready"),
            "ca": str(control_plane.ca),
            "token": control_plane.token,
        }
        neighbours = len(rundir.running()) - 1
        for index, spec in enumerate(self.plan.specs, start=1):
            node = EmbeddedNode(cluster.lab, index, spec, self.directory, self.plan.logs)
            cluster.embedded_nodes.append(node)
            config = node.config(self.plan.kernel_kind, shared, len(self.plan.specs))
            node.power_on(self.plan.kernel_kind, self.plan.kernel, config, neighbours)

    def _outside(self, cluster: EmbeddedCluster) -> None:
        for index in range(1, self.plan.outside + 1):
            name = network.outside_name(index)
            port = OUTSIDE_CONTROL_PORT + index
            argv = [sys.executable, "-I", "-S", "-B", str(AGENT), "--control-fd", "{fd}"]
            cluster.lab.spawn(
                name,
                [*argv, "--pod", f"/{name}", "--node", name],
                log=self.plan.logs / f"{name}.log",
                netns=name,
                listen=(API_SERVER["ipv4"], port),
                env=dict(os.environ),
            )
            cluster.outside.append(AgentAddress(API_SERVER["ipv4"], port))


def compile_guest() -> None:
    """Leave byte code beside what runs inside nodes, where the checkout can be written.

    Compiling it at every boot would cost a node a tenth of a second; a node itself never writes.
    """
    sources = [*Path(__file__).parent.rglob("*.py"), AGENT]
    for source in [*sources, *(ROOT / "clusters").glob("*.py")]:
        with contextlib.suppress(OSError):
            compileall.compile_file(source, quiet=2)


def attach(directory: Path, logs: Path, first_sync: float = FIRST_SYNC) -> EmbeddedCluster:
    """Use a kept cluster; its nodes are as its last user left them.

    Raises `TestbedError` when it has gone or another run uses it.
    """
    lab = labclient.LabClient(directory)
    lab.ask("own")
    labclient.join_network(rundir.read_pid(directory))
    state = json.loads((directory / "state.json").read_text())
    binaries = Binaries(**{name: Path(path) for name, path in state["control_plane"].items()})
    control_plane = ControlPlane(lab, binaries, directory / "control-plane", logs)
    cluster = EmbeddedCluster(lab, control_plane, logs, first_sync)
    for described in state["nodes"]:
        spec = ProxySpec(Path(described["build"]), described["mode"], described["config"])
        node = EmbeddedNode(lab, described["index"], spec, directory, logs)
        node.kernel = described["kernel"]
        node.logs.mkdir(parents=True, exist_ok=True)
        cluster.embedded_nodes.append(node)
    cluster.outside = [AgentAddress(host, port) for host, port in state["outside"]]
    return cluster
