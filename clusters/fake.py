"""A cluster for the harness's own tests: real probe agents on loopback, and no kube-proxy.

It needs no privileges and no downloads and is up in a fraction of a second. What it does, it does
for real: processes, sockets and HTTP. What it cannot do, it does not claim: nobody programs
Services, so it offers no capability but access to its nodes and to clients outside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clusters.errors import BuildError, ConfigError, TestbedError
from clusters.fake_api import Api, Store
from clusters.fake_parts import NoFaults, Process, Program, Proxy
from clusters.protocol import HEALTHZ_PORT, AgentAddress, HttpAnswer, Node, ProxySpec, Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from clusters.protocol import LoadPod

    Objection = Callable[[str, ProxySpec], BuildError | None]

OUTSIDE_CLIENTS = 2
FIRST_POD = 10
HARMLESS = frozenset({"cat", "echo", "false", "ls", "sh", "sleep", "true", "uname"})
"""Programs that `run` starts: they run on the machine itself and must not change it."""


@dataclass(slots=True)
class FakeNode:
    """A node: one loopback address and the agent on it."""

    name: str
    number: int
    spec: ProxySpec
    process: Process
    proxy: Proxy | None = None
    pods: int = 0

    @property
    def addresses(self) -> Mapping[str, str]:
        """The node's address; in IPv6 the same one, mapped (RFC 4291 section 2.5.5.2)."""
        return _addresses(f"127.0.{self.number}.1")

    @property
    def agent(self) -> AgentAddress:
        """The node's probe agent."""
        return self.process.address

    @property
    def kernel(self) -> str:
        """The machine's kernel release."""
        return os.uname().release


class FakeCluster:
    """See `clusters.protocol.Cluster`.

    `objection` plays the build's part: the `BuildError` that it returns for a node and a spec is
    what starting kube-proxy there raises.
    """

    capabilities = frozenset(
        {"load-generator", "node-access", "outside-client", "disruption", "dual-stack"}
    )
    meeting_point = "127.0.200.1"

    def __init__(self, specs: Sequence[ProxySpec], objection: Objection = lambda *_: None) -> None:
        self.name = f"fake-{os.getpid()}"
        self.objection = objection
        self.processes: list[Process | Program] = []
        self.fake_nodes: list[FakeNode] = []
        self.outside: list[AgentAddress] = []
        self.pods: dict[str, Process] = {}
        self.store = Store(self._see)
        self.server = Api(self.store)
        self.closed = False
        self.faults = NoFaults(self.name)
        self.fault_log = Path(tempfile.gettempdir()) / f"{self.name}-faults.jsonl"
        self._api: Any = None
        try:
            self._build(specs)
        except BaseException:
            self.close()
            raise

    def _build(self, specs: Sequence[ProxySpec]) -> None:
        for number, spec in enumerate(specs, start=1):
            name = f"node-{number}"
            process = self._start(f"127.0.{number}.1", (f"/{name}", name))
            self.fake_nodes.append(FakeNode(name, number, spec, process))
        for number in range(1, OUTSIDE_CLIENTS + 1):
            name = f"outside-{number}"
            process = self._start(f"127.0.200.{number}", (f"/{name}", name))
            self.outside.append(process.address)
        for node in self.fake_nodes:
            self.start_proxy(node)

    def _start(
        self, host: str, identity: tuple[str, str], arguments: Sequence[str] = ()
    ) -> Process:
        process = Process(host, identity, arguments)
        self.processes.append(process)
        return process

    @property
    def direct(self) -> None:
        """There is no way to the store."""

    @property
    def nodes(self) -> list[Node]:
        """All nodes, in the order of their names."""
        return list(self.fake_nodes)

    @property
    def api(self) -> Any:
        """A configured `kubernetes.client.ApiClient`."""
        if self._api is None:
            from kubernetes import client  # noqa: PLC0415 - half a second, often not needed

            configuration = client.Configuration(host=self.server.url)
            self._api = client.ApiClient(configuration)
        return self._api

    def outside_addresses(self, number: int) -> dict[str, str]:
        """Return the addresses of outside client `number`, from 1."""
        return dict(_addresses(self.outside[number - 1].host))

    def set_outside_route(self, number: int, address: str, node: Node | None) -> None:  # noqa: ARG002 - the protocol's
        """Refuse: loopback knows no routes."""
        raise ConfigError(f"{self.name} cannot lead outside clients to a node")

    def spawn_outside(
        self,
        number: int,  # noqa: ARG002 - all have the machine's loopback
        name: str,  # noqa: ARG002 - the protocol's
        argv: Sequence[str],
        *,
        log: Path,
    ) -> Program:
        """Start a process on the machine, which has all loopback addresses."""
        program = Program(argv, log)
        self.processes.append(program)
        return program

    def load_pod(self, number: int, node: Node, files: Mapping[str, Path]) -> LoadPod:
        """Refuse: there are no pods but threads."""
        del number, node, files
        raise ConfigError(f"{self.name} has no pods for loads")

    def set_proxy(self, node: Node, spec: ProxySpec, *, clean: bool = True) -> None:  # noqa: ARG002 - the protocol's
        """Note the spec; raises the `BuildError` that `objection` returns."""
        own = self._own(node)
        self.stop_proxy(node)
        own.spec = spec
        self.start_proxy(node)

    def set_proxies(self, specs: Mapping[str, ProxySpec], *, clean: bool = True) -> None:
        """Do `set_proxy` for several nodes, by name."""
        for node in self.fake_nodes:
            if node.name in specs:
                self.set_proxy(node, specs[node.name], clean=clean)

    def stop_proxy(self, node: Node, signal: int = 9) -> None:  # noqa: ARG002 - the protocol's
        """Let the node's healthz answer nobody."""
        own = self._own(node)
        if own.proxy is not None:
            own.proxy.end()
            own.proxy = None

    def start_proxy(self, node: Node) -> None:
        """Let the node's healthz answer; raises the `BuildError` that `objection` returns."""
        own = self._own(node)
        if error := self.objection(own.name, own.spec):
            raise error
        if own.proxy is None:
            own.proxy = Proxy()

    def stop_api(self) -> None:
        """Raise `ConfigError`: nothing would be learnt from it here."""
        raise ConfigError("the fake cluster's API does not stop")

    def start_api(self) -> None:
        """Raise `ConfigError`, as `stop_api` does."""
        self.stop_api()

    def run(
        self, node: Node, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0
    ) -> Ran:
        """Run a harmless command on the machine; raises `ConfigError` for any other."""
        name = self._own(node).name
        if shutil.which(argv[0]) is None:
            return Ran(tuple(argv), 127, "", f"{argv[0]}: not found")
        if argv[0] not in HARMLESS:
            raise ConfigError(f"{argv[0]}: the fake cluster runs {', '.join(sorted(HARMLESS))}")
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TestbedError(f"{name}: {' '.join(argv)}: not done after {timeout:g} s") from None
        return Ran(tuple(argv), done.returncode, done.stdout, done.stderr)

    def http(self, node: Node, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Answer of a GET; kube-proxy's healthz port is that of the node's own."""
        own, parts = self._own(node), urlsplit(url)
        if parts.port == HEALTHZ_PORT:
            if own.proxy is None:
                return HttpAnswer(0, "connection refused")
            url = parts._replace(netloc=f"127.0.0.1:{own.proxy.port}").geturl()
        try:
            with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - a test's own
                return HttpAnswer(answer.status, answer.read().decode(errors="replace"))
        except urllib.error.HTTPError as error:
            return HttpAnswer(error.code, error.read().decode(errors="replace"))
        except OSError as error:
            return HttpAnswer(0, str(error))

    def check_proxies(self) -> None:
        """Nothing runs here that could end by itself."""

    def proxy_log(self, node: Node) -> str:
        """Nothing logs here."""
        del node
        return ""

    def proxy_syncs(self, node: Node, *, age: float = 0.2) -> dict[str, float]:
        """Nothing syncs here."""
        del node, age
        return {}

    def proxy_busy(self, node: Node) -> bool:
        """Nothing runs here that could be."""
        del node
        return False

    def ready_namespace(self, name: str) -> None:
        """Nothing has to be in a namespace here."""

    def agent_pod(self, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return the manifest as it is: what runs pods here knows the agent."""
        del namespace
        return manifest

    def pod_agent(self, namespace: str, name: str) -> AgentAddress:
        """Where the agent of a pod is controlled; raises `TestbedError` when none runs."""
        process = self.pods.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        if process is None:
            raise TestbedError(f"pod {namespace}/{name} has not started")
        return process.address

    def collect(self, directory: Path) -> None:
        """Write what each node runs below `directory`/NODE."""
        for node in self.fake_nodes:
            target = directory / node.name
            target.mkdir(parents=True, exist_ok=True)
            spec = {"build": str(node.spec.build), "mode": node.spec.mode}
            (target / "proxy.json").write_text(json.dumps(spec))

    def forked(self) -> None:
        """Leave agents and servers to the process that this one was forked from."""
        self.closed = True

    def keep(self) -> None:
        """Nothing here outlives the process."""

    def how_to_enter(self) -> str:
        """Nobody can."""
        return f"{self.name} ends with this process"

    def close(self) -> None:
        """End every agent and server; a second time there is nothing to do."""
        if self.closed:
            return
        self.closed = True
        for node in self.fake_nodes:
            self.stop_proxy(node)
        if self._api is not None:
            self._api.close()
        self.server.close()
        for process in self.processes:
            process.end()

    def _own(self, node: Node) -> FakeNode:
        for own in self.fake_nodes:
            if own.name == node.name:
                return own
        raise ConfigError(f"{node.name} is no node of {self.name}")

    def _see(self, kind: str, path: str, pod: dict[str, Any]) -> None:
        """Be the kubelet: a pod is an agent on an address of its node's range."""
        if path.rpartition("/")[0].rpartition("/")[2] != "pods":
            return
        if kind == "DELETED":
            if process := self.pods.pop(path, None):
                process.end()
            return
        own = next(node for node in self.fake_nodes if node.name == pod["spec"]["nodeName"])
        address = f"127.0.{own.number}.{FIRST_POD + own.pods}"
        own.pods += 1
        identity = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        arguments = pod["spec"]["containers"][0].get("args", [])
        try:
            self.pods[path] = self._start(address, (identity, own.name), arguments)
        except TestbedError as error:
            pod["status"] = {"phase": "Failed", "message": str(error)}
            return
        pod["status"] = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": ip} for ip in _addresses(address).values()],
            "conditions": [{"type": "Ready", "status": "True"}],
        }


def _addresses(address: str) -> Mapping[str, str]:
    return {"ipv4": address, "ipv6": f"::ffff:{address}"}
