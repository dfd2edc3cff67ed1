"""A cluster that is there: nodes from the API, access through pods, nothing else touched."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded.proxy import DUMPS
from clusters.errors import ConfigError, TestbedError
from clusters.existing import objects
from clusters.existing.api import load_api, ready_nodes
from clusters.existing.faults import ExistingFaults
from clusters.existing.foothold import Foothold, remove_namespaces
from clusters.existing.kube_proxy import KubeProxies
from clusters.existing.load_pods import LoadPod, LoadPods
from clusters.existing.node import ExistingNode, node_access
from clusters.existing.proxy_pod import proxy_on
from clusters.existing.relay import Relay
from clusters.hints import clusters_command
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.protocol import OutsideProcess

NODE_PODS = f"/api/v1/namespaces/{objects.SYSTEM_NAMESPACE}/pods"
LOG_LINES = 2000
ALWAYS = frozenset(
    {"node-access", "hand-made-endpoints", "host-network", "load-generator", "load-pods"}
)
OURS_ONLY = frozenset({"disruption", "proxy-restart"})


class ExistingCluster:
    """A cluster by its kubeconfig; see `clusters.protocol.Cluster`.

    What it makes carries our label and a run's own; `close` removes it.
    """

    def __init__(
        self,
        kubeconfig: Path,
        *,
        image: str,
        first_sync: float,
        disruption: bool,
        image_of: Callable[[ProxySpec], str] = lambda spec: str(spec.build),
        slow_factor: float = 1.0,
    ) -> None:
        """`first_sync` is in seconds; `slow_factor` multiplies what kubelets are given."""
        self.name = kubeconfig.name
        self.kubeconfig = kubeconfig
        self.image = image
        self.run_id = secrets.token_hex(3)
        self.capabilities = ALWAYS | (OURS_ONLY if disruption else frozenset())
        self.existing_nodes: list[ExistingNode] = []
        self.outside: list[AgentAddress] = []
        self.steps: list[tuple[str, float]] = []
        self.kube = Kube(load_api(kubeconfig))
        self.relay = Relay(lambda: self.api)
        self.faults = ExistingFaults(self._own, self._need_disruption)
        self.fault_log = Path(tempfile.gettempdir()) / f"proxyproof-faults-{self.run_id}.jsonl"
        self.slow_factor = slow_factor
        self.proxies = KubeProxies(self.kube, first_sync, image_of, slow_factor)
        self.foothold = Foothold(lambda: self.kube, kubeconfig, self.run_id, slow_factor)
        self.load_pods = LoadPods(lambda: self.kube, image, self.run_id, self.foothold.wait_pod)
        # Of all processes that are forked from this one, so that no two pods take the same.
        self._ports = multiprocessing.Value("L", int(self.run_id, 16))
        self._keeps_off = False
        self._before: dict[str, dict[str, str]] = {}

    @property
    def api(self) -> Any:
        """A configured `kubernetes.client.ApiClient`."""
        return self.kube.api

    @property
    def direct(self) -> None:
        """There is no way to the store."""

    @property
    def nodes(self) -> list[Node]:
        """All nodes, in the order of their names."""
        return list(self.existing_nodes)

    # -------------------------------------------------------------------- coming up

    def enter(self, spec: ProxySpec) -> None:
        """Find the nodes and put a pod on each; `spec` is what their kube-proxies run."""
        self.proxies.base = spec
        self.foothold.settle()
        port = self._take_port()
        for manifest in ready_nodes(self.kube):
            name = manifest["metadata"]["name"]
            control = node_access(name, lambda: self.api)
            self.existing_nodes.append(ExistingNode(manifest, spec, self.relay, control, port))
            pod = objects.node_pod(name, self.image, self.run_id, port)
            self.kube.create(NODE_PODS, pod)
        for node in self.existing_nodes:
            self.foothold.wait_pod(f"{NODE_PODS}/node-{node.name}")
        self._have_refusals_told()

    def _have_refusals_told(self) -> None:
        """Lift the nodes' limits of ICMP errors, and note in the cluster what they were."""
        for node in self.existing_nodes:
            self._before[node.name] = node.control.ask("sysctls", values=objects.SYSCTLS)["before"]
        note = {"metadata": {"annotations": {objects.BEFORE: json.dumps(self._before)}}}
        self.kube.patch(f"/api/v1/namespaces/{objects.SYSTEM_NAMESPACE}", note)

    def _set_back(self) -> None:
        for node in self.existing_nodes:
            if values := self._before.pop(node.name, {}):
                node.control.ask("sysctls", values=values)

    # -------------------------------------------------------------------- kube-proxy

    def digests(self) -> dict[str, list[str]]:
        """Return the SHA-256 of each kube-proxy program that runs, by node."""
        return {
            node.name: [p["sha256"] for p in node.control.ask("proxy")["processes"]]
            for node in self.existing_nodes
        }

    def learn_build(self) -> None:
        """Check that all nodes run one program; raises `TestbedError` when they do not.

        A verdict would not say which of several it is about.
        """
        found = self.digests()
        if len({tuple(digests) for digests in found.values()}) != 1:
            shown = ", ".join(f"{n} {' '.join(d[:12] for d in ds)}" for n, ds in found.items())
            raise TestbedError(f"the nodes run different kube-proxies: {shown}")

    def set_proxy(self, node: Node, spec: ProxySpec, *, clean: bool = True) -> None:
        """Run `spec` on `node` and return when it has synced; raises `BuildError`."""
        self.set_proxies({node.name: spec}, clean=clean)

    def set_proxies(self, specs: Mapping[str, ProxySpec], *, clean: bool = True) -> None:
        """Do `set_proxy` for several nodes, by name, at the same time."""
        self._need_disruption()
        chosen = [node for node in self.existing_nodes if node.name in specs]

        def replace(node: ExistingNode) -> None:
            self.proxies.replace(node, specs[node.name], clean=clean)
            self.proxies.wait_synced(node)

        with ThreadPoolExecutor(max(1, len(chosen))) as pool:
            list(pool.map(replace, chosen))

    def stop_proxy(self, node: Node, signal: int = 9) -> None:
        """End kube-proxy on `node` by `signal` and leave its rules as they are."""
        own = self._own(node)
        self._need_disruption()
        self.proxies.stop(own, signal)

    def start_proxy(self, node: Node) -> None:
        """Start the node's `spec` again; raises `BuildError`."""
        own = self._own(node)
        self._need_disruption()
        self.proxies.start(own)
        self.proxies.wait_synced(own)

    def _need_disruption(self) -> None:
        if "disruption" not in self.capabilities:
            raise ConfigError(
                "changing the kube-proxies of a cluster that is not ours needs "
                "--kp-allow-disruption"
            )
        if not self._keeps_off:
            self.proxies.daemon_set.keep_off()
            self._keeps_off = True

    def stop_api(self) -> None:
        """Refuse: the API server of such a cluster is not ours."""
        raise ConfigError("the API server of this cluster cannot be stopped")

    def start_api(self) -> None:
        """Refuse, as `stop_api` does."""
        raise ConfigError("the API server of this cluster cannot be started")

    def check_proxies(self) -> None:
        """Raise `BuildError` for the first kube-proxy that has ended although nobody ended it."""
        for node in self.existing_nodes:
            self.proxies.check_alive(node)

    def proxy_log(self, node: Node) -> str:
        """Return the last lines of kube-proxy's container on a node."""
        pod = proxy_on(self.kube, node.name)
        return self.proxies.log(pod, lines=LOG_LINES) if pod else ""

    def proxy_syncs(self, node: Node, *, age: float = 0.2) -> dict[str, float]:
        """How many syncs kube-proxy had ended `age` seconds ago or later, by labels."""
        url = f"http://{KUBE_PROXY_HOST}:{METRICS_PORT}/metrics"
        counters: dict[str, float] = self._own(node).control.ask("syncs", url=url, age=age)[
            "counters"
        ]
        return counters

    def proxy_busy(self, node: Node) -> bool:
        """Whether kube-proxy is at work rather than waiting for something to do."""
        return bool(self._own(node).control.ask("busy")["busy"])

    # -------------------------------------------------------------------- nodes and pods

    def run(
        self, node: Node, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0
    ) -> Ran:
        """Run a command among the node's own files; raises `TestbedError` after `timeout` s."""
        reply = self._own(node).control.ask(
            "exec", within=timeout + 10, argv=list(argv), stdin=stdin, timeout=timeout
        )
        return Ran.of(node.name, argv, reply, timeout)

    def http(self, node: Node, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Answer of a GET made on `node`; status 0 when there was no HTTP answer."""
        reply = self._own(node).control.ask("http", within=timeout + 10, url=url, timeout=timeout)
        return HttpAnswer(**reply)

    def ready_namespace(self, name: str) -> None:
        """Label the namespace as this run's, and put the agent into it."""
        labels = objects.namespace(name, self.run_id)["metadata"]["labels"]
        self.kube.patch(f"/api/v1/namespaces/{name}", {"metadata": {"labels": labels}})
        path = f"/api/v1/namespaces/{name}/configmaps"
        self.kube.create(path, objects.agent_config_map())
        self.foothold.wait_account(name)

    def agent_pod(self, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return the manifest with image, files and command of a pod that a kubelet can run."""
        return objects.agent_pod(manifest, namespace, self.image, self._take_port)

    def _take_port(self) -> int:
        """Return the first of two ports for a pod in its node's network, in turn."""
        with self._ports.get_lock():
            number = int(self._ports.value)
            self._ports.value = number + 1
        return objects.HOST_PORTS[number % len(objects.HOST_PORTS)]

    def pod_agent(self, namespace: str, name: str) -> AgentAddress:
        """Where the agent of a running pod is controlled."""
        pod = self.kube.find(f"/api/v1/namespaces/{namespace}/pods/{name}")
        if pod is None or not pod.get("status", {}).get("podIP"):
            raise TestbedError(f"pod {namespace}/{name} has not started")
        port = pod["metadata"].get("annotations", {}).get(objects.CONTROL)
        return self.relay.address(namespace, name, int(port or objects.CONTROL_PORT))

    def outside_addresses(self, number: int) -> dict[str, str]:
        """There is nobody outside that is ours."""
        raise ConfigError(f"this cluster has no outside client {number}")

    def set_outside_route(self, number: int, address: str, node: Node | None) -> None:
        """Refuse, as `outside_addresses` does."""
        del address, node
        self.outside_addresses(number)

    @property
    def meeting_point(self) -> str:
        """There is none, as there is nobody outside."""
        raise ConfigError("this cluster has no outside clients that could meet")

    def spawn_outside(
        self, number: int, name: str, argv: Sequence[str], *, log: Path
    ) -> OutsideProcess:
        """Refuse, as `meeting_point` does."""
        del number, name, argv, log
        raise ConfigError("this cluster has no outside clients that could run anything")

    def load_pod(self, number: int, node: Node, files: Mapping[str, Path]) -> LoadPod:
        """Return pod `number` for loads, made on `node` when it is first asked for."""
        return self.load_pods.at(number, node, files)

    # -------------------------------------------------------------------- evidence and end

    def collect(self, directory: Path) -> None:
        """Write every node's kernel state and its kube-proxy's log below `directory`."""

        def dump(node: ExistingNode) -> None:
            target = directory / node.name
            target.mkdir(parents=True, exist_ok=True)
            for name, argv in DUMPS.items():
                with contextlib.suppress(TestbedError):
                    done = self.run(node, argv, timeout=15)
                    if text := done.stdout or done.stderr:
                        (target / name).write_text(text)
            if log := self.proxy_log(node):
                (target / "kube-proxy.log").write_text(log)
            spec = {"build": str(node.spec.build), "mode": node.spec.mode}
            (target / "proxy.json").write_text(json.dumps(spec))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(dump, self.existing_nodes))

    def forked(self) -> None:
        """Take connections of its own in a forked process; the cluster stays the parent's."""
        self.relay.forget()
        self.load_pods.forget()
        api = load_api(self.kubeconfig)
        self.kube = Kube(api)
        self.proxies.kube = self.kube
        self.relay = Relay(lambda: self.api)
        for node in self.existing_nodes:
            node.control.forget()
            node.relay = self.relay

    def keep(self) -> None:
        """Leave what was put into the cluster, except for what keeps a process alive."""
        self.relay.close()

    def how_to_enter(self) -> str:
        """Return the lines that `--kp-keep` prints."""
        return "\n".join(
            [
                f"What this run put into {self.kubeconfig} is still there:",
                (
                    f"  look       kubectl --kubeconfig {self.kubeconfig} get namespaces "
                    f"-l {objects.MANAGED}={objects.OURS[objects.MANAGED]}"
                ),
                f"  remove     {clusters_command('clean', str(self.kubeconfig))}",
            ]
        )

    def hang_up(self) -> None:
        """Close all that leads into the cluster by its API."""
        for node in self.existing_nodes:
            node.control.close()
        self.load_pods.close()
        self.relay.close()

    def close(self) -> None:
        """Give the nodes back to their DaemonSet and remove everything of this run's."""
        with contextlib.suppress(TestbedError):
            self._set_back()
        self.hang_up()
        self.fault_log.unlink(missing_ok=True)
        if self._keeps_off:
            self.proxies.give_back({node.name: node for node in self.existing_nodes})
        remove_namespaces(self.kube, f"{objects.RUN}%3D{self.run_id}")

    def _own(self, node: Node) -> ExistingNode:
        for own in self.existing_nodes:
            if own.name == node.name:
                return own
        raise ConfigError(f"{node.name} is no node of {self.name}")
