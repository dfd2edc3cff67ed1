"""The embedded provider: a real control plane and nodes with kernels of their own."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clusters.embedded import labclient, network, rundir
from clusters.embedded.addresses import API_SERVER, outside_client
from clusters.embedded.control_plane import ETCD_PORT
from clusters.embedded.enter import how_to_enter
from clusters.embedded.faults import EmbeddedFaults
from clusters.embedded.labclient import LabProcess
from clusters.embedded.proxy import NAME as PROXY
from clusters.embedded.proxy import ProxyRunner
from clusters.embedded.store import Store
from clusters.errors import ConfigError, TestbedError
from clusters.kube import Kube
from clusters.protocol import (
    KUBE_PROXY_HOST,
    METRICS_PORT,
    AgentAddress,
    HttpAnswer,
    Node,
    ProxySpec,
    Ran,
)
from clusters.schedulers import has_scheduler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from clusters.embedded.control_plane import ControlPlane
    from clusters.embedded.labclient import LabClient
    from clusters.embedded.node import EmbeddedNode
    from clusters.protocol import LoadPod


class EmbeddedCluster:
    """A running embedded cluster; see `clusters.protocol.Cluster`."""

    capabilities = frozenset(
        {
            "node-access",
            "outside-client",
            "outside-route",
            "proxy-restart",
            "api-restart",
            "hand-made-endpoints",
            "host-network",
            "load-generator",
            "sctp",
            "disruption",
            "dual-stack",
            "node-freeze",
            "node-power",
            "node-partition",
            "store-stall",
            "netem",
            "node-programs",
            "pod-routes",
            "iptables-backend",
            "own-kernel",
            "every-mode",
            "hand-made-status",
            "tool-calls",
        }
    )

    def __init__(
        self, lab: LabClient, control_plane: ControlPlane, logs: Path, first_sync: float
    ) -> None:
        directory = control_plane.directory.parent
        self.name = directory.name
        self.lab = lab
        self.control_plane = control_plane
        self.directory = directory
        self.logs = logs
        self.embedded_nodes: list[EmbeddedNode] = []
        self.kubeconfig = control_plane.kubeconfig
        self.runner = ProxyRunner(str(self.kubeconfig), first_sync)
        self.outside: list[AgentAddress] = []
        self.steps: list[tuple[str, float]] = []
        self._api: Any = None

    @property
    def nodes(self) -> list[Node]:
        """All nodes, in the order of their names."""
        return list(self.embedded_nodes)

    @property
    def faults(self) -> EmbeddedFaults:
        """What can be done to the nodes."""
        return EmbeddedFaults(self.lab, self.runner, self._own, self.embedded_nodes)

    @property
    def fault_log(self) -> Path:
        """The file that says which faults are in force."""
        return self.directory / "faults.jsonl"

    @property
    def api(self) -> Any:
        """A configured `kubernetes.client.ApiClient`."""
        if self._api is None:
            from kubernetes import config  # noqa: PLC0415 - a second of imports, often not needed

            self._api = config.new_client_from_config(  # type: ignore[no-untyped-call]
                str(self.kubeconfig)
            )
        return self._api

    @cached_property
    def direct(self) -> Store:
        """The API server's store."""
        return Store(ETCD_PORT)

    def set_proxy(self, node: Node, spec: ProxySpec, *, clean: bool = True) -> None:
        """Run `spec` on `node` and return when it has synced; raises `BuildError`."""
        self.set_proxies({node.name: spec}, clean=clean)

    def set_proxies(self, specs: Mapping[str, ProxySpec], *, clean: bool = True) -> None:
        """Do `set_proxy` for several nodes, by name, at the same time."""
        chosen = [node for node in self.embedded_nodes if node.name in specs]

        def replace(node: EmbeddedNode) -> None:
            spec = specs[node.name]
            self.runner.stop(node)
            if clean and node.spec.mode != spec.mode:
                self.runner.clean_up(node)
            node.spec = spec
            self.runner.start(node)
            self.runner.wait_synced(node)

        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            list(pool.map(replace, chosen))
        self.save()

    def stop_proxy(self, node: Node, signal: int = 9) -> None:
        """End kube-proxy on `node` by `signal` and leave its rules as they are."""
        self.runner.stop(self._own(node), signal)

    def start_proxy(self, node: Node) -> None:
        """Start the node's `spec` again; raises `BuildError`."""
        embedded = self._own(node)
        self.runner.start(embedded)
        self.runner.wait_synced(embedded)

    def check_kernel(self, node: Node, spec: ProxySpec) -> None:
        """Raise `ConfigError` when the node's kernel lacks the IPVS scheduler of `spec`.

        kube-proxy would end with an error that looks like the build's own.
        """
        if spec.mode != "ipvs" or spec.scheduler == "rr":
            return
        if not has_scheduler(lambda argv: self.run(node, argv), spec.scheduler):
            raise ConfigError(
                f"the kernel of {node.name} has no IPVS scheduler {spec.scheduler!r} "
                f"(CONFIG_IP_VS_{spec.scheduler.upper()}); no kube-proxy can run with it there"
            )

    def stop_api(self) -> None:
        """Crash the API server; etcd and the controllers go on."""
        self.control_plane.stop_api_server()

    def start_api(self) -> None:
        """Start the API server again and return when it is ready."""
        self.control_plane.start_api_server()
        self.control_plane.wait_ready()

    def run(
        self, node: Node, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0
    ) -> Ran:
        """Run a command in the node's own namespaces; raises `TestbedError` after `timeout` s."""
        reply = self._own(node).control.ask(
            "exec", within=timeout + 5, argv=list(argv), stdin=stdin, timeout=timeout
        )
        return Ran.of(node.name, argv, reply, timeout)

    def http(self, node: Node, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Answer of a GET made on `node`; status 0 when there was no HTTP answer."""
        reply = self._own(node).control.ask("http", within=timeout + 5, url=url, timeout=timeout)
        return HttpAnswer(**reply)

    def check_proxies(self) -> None:
        """Raise `BuildError` for the first kube-proxy that has ended although nobody ended it."""
        for node in self.embedded_nodes:
            self.runner.check_alive(node)

    def proxy_log(self, node: Node) -> str:
        """Return what kube-proxy on a node has logged in this run."""
        try:
            return self._own(node).proxy_log.read_text(errors="replace")
        except OSError:
            return ""

    def proxy_syncs(self, node: Node, *, age: float = 0.2) -> dict[str, float]:
        """How many syncs kube-proxy had ended `age` seconds ago or later, by labels."""
        url = f"http://{KUBE_PROXY_HOST}:{METRICS_PORT}/metrics"
        counters: dict[str, float] = self._own(node).control.ask("syncs", url=url, age=age)[
            "counters"
        ]
        return counters

    def proxy_busy(self, node: Node) -> bool:
        """Whether kube-proxy is at work rather than waiting for something to do."""
        return bool(self._own(node).control.ask("busy", name=PROXY)["busy"])

    def ready_namespace(self, name: str) -> None:
        """Nothing has to be in a namespace here."""

    def agent_pod(self, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return the manifest as it is: what runs pods here knows the agent."""
        del namespace
        return manifest

    def pod_agent(self, namespace: str, name: str) -> AgentAddress:
        """Where the agent of a running pod is controlled."""
        # By the client's typed models this took a second, which it imports at the first use of one.
        pod = Kube(self.api).find(f"/api/v1/namespaces/{namespace}/pods/{name}") or {"metadata": {}}
        address = pod["metadata"].get("annotations", {}).get("proxyproof.dev/agent")
        if not address:
            raise TestbedError(f"pod {namespace}/{name} has not started")
        host, port = address.rsplit(":", 1)
        return AgentAddress(host, int(port))

    def outside_addresses(self, number: int) -> dict[str, str]:
        """Return the addresses of outside client `number`, from 1."""
        return outside_client(number)

    def set_outside_route(self, number: int, address: str, node: Node | None) -> None:
        """Lead what outside client `number` sends to `address` to `node`, or no longer."""
        family = "ipv6" if ":" in address else "ipv4"
        via = self._own(node).addresses[family] if node else ""
        self.lab.must(network.outside_route_command(number, address, via))

    @property
    def meeting_point(self) -> str:
        """The lab's own address on the cluster's network."""
        return API_SERVER["ipv4"]

    def spawn_outside(
        self, number: int, name: str, argv: Sequence[str], *, log: Path
    ) -> LabProcess:
        """Start a process in the network of outside client `number`, or 0 for the lab's own."""
        netns = network.outside_name(number) if number else ""
        self.lab.spawn(name, list(argv), log=log, env=dict(os.environ), netns=netns)
        return LabProcess(self.lab, name)

    def load_pod(self, number: int, node: Node, files: Mapping[str, Path]) -> LoadPod:
        """Refuse: in a user-mode kernel the generator would be what is measured."""
        del number, node, files
        raise ConfigError("loads on an embedded cluster come from outside clients")

    def collect(self, directory: Path) -> None:
        """Write every node's kernel state below `directory`; logs are there already."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda node: self.runner.dump(node, directory), self.embedded_nodes))

    def forked(self) -> None:
        """Take connections of its own in a forked process; the cluster stays the parent's.

        While a copy of the owner's connection were open here, the run would outlive its owner.
        """
        self.lab.close()
        self.lab = labclient.LabClient(self.directory)
        self._api = None
        for node in self.embedded_nodes:
            node.lab = self.lab
            node.control.forget()

    def close(self) -> None:
        """End the run's first process, and with it everything else."""
        self.lab.ask("down")
        self.lab.close()
        rundir.wait_gone(self.directory)

    def keep(self) -> None:
        """Let the cluster outlive this process."""
        self.save()
        self.lab.ask("keep", keep=True)

    def how_to_enter(self) -> str:
        """Return the lines that `--kp-keep` prints."""
        return how_to_enter(self.directory)

    def save(self) -> None:
        """Write down what a later process needs to use this cluster."""
        binaries = self.control_plane.binaries
        state = {
            "logs": str(self.logs),
            "control_plane": {name: str(path) for name, path in asdict(binaries).items()},
            "nodes": [
                {
                    "index": node.index,
                    "kernel": node.kernel,
                    "build": str(node.spec.build),
                    "mode": node.spec.mode,
                    "config": dict(node.spec.config),
                }
                for node in self.embedded_nodes
            ],
            "outside": [[address.host, address.port] for address in self.outside],
        }
        rundir.write_state(self.directory, state)

    def _own(self, node: Node) -> EmbeddedNode:
        for embedded in self.embedded_nodes:
            if embedded.name == node.name:
                return embedded
        raise ConfigError(f"{node.name} is no node of {self.name}")
