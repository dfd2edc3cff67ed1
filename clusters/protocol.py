"""What every provider of clusters offers; cases and fixtures know nothing else of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, runtime_checkable

from clusters.errors import TestbedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Mode = Literal["iptables", "ipvs", "nftables"]
MODES: tuple[Mode, ...] = ("iptables", "ipvs", "nftables")

RunMode = Literal["iptables", "ipvs", "nftables", "all"]
"""What a run judges: one mode, or all of them side by side on the nodes of one cluster."""
RUN_MODES: tuple[RunMode, ...] = (*MODES, "all")

Family = Literal["ipv4", "ipv6"]

IptablesBackend = Literal["nft", "legacy"]
"""iptables in nf_tables, or in tables of its own, which one program at a time may change."""

ZONE = "topology.kubernetes.io/zone"
"""The label of nodes that kube-proxy and the EndpointSlice controller read."""

HEALTHZ_PORT = 10256
METRICS_PORT = 10249
"""Defaults of the KubeProxyConfiguration's healthzBindAddress and metricsBindAddress."""

KUBE_PROXY_HOST = "localhost"
"""How a node reaches its own kube-proxy: by its loopback, of whichever family that listens at."""


@dataclass(frozen=True, slots=True)
class ProxySpec:
    """What kube-proxy a node runs: the binary, its mode and the rest of its configuration.

    `config` overlays the provider's KubeProxyConfiguration (v1alpha1), nested keys as in the API:
    `{"ipvs": {"scheduler": "lc"}}`. `flags` are appended to the command line.
    """

    build: Path
    mode: Mode
    config: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def scheduler(self) -> str:
        """The IPVS scheduler that the node is configured with, or an empty string."""
        if self.mode != "ipvs":
            return ""
        return str(dict(self.config.get("ipvs", {})).get("scheduler") or "rr")

    @property
    def min_sync(self) -> float:
        """Seconds from sync to sync at least (minSyncPeriod), 0 where the user said nothing."""
        return seconds_of(str(dict(self.config.get(self.mode) or {}).get("minSyncPeriod") or "0"))

    def with_config(self, overlay: Mapping[str, Any]) -> ProxySpec:
        """Return the same kube-proxy with `overlay` merged over its configuration."""
        return ProxySpec(self.build, self.mode, merge(self.config, overlay), self.flags)


UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(duration: str) -> float:
    """Return the seconds of a duration as Go writes it, such as "1m0.5s"; 0 for what is none."""
    parts = re.findall(r"([\d.]+)(ns|us|\u00b5s|ms|s|m|h)", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        return 0.0
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def modes_of(mode: RunMode, nodes: int) -> list[Mode]:
    """Return the mode of each of a number of nodes; in a run of all modes they take turns."""
    return [MODES[index % len(MODES)] if mode == "all" else mode for index in range(nodes)]


def merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `overlay` over `base`, mapping by mapping; lists and scalars are replaced whole."""
    merged = dict(base)
    for key, value in overlay.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ran to its end on a node."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str

    @classmethod
    def of(cls, node: str, argv: Sequence[str], reply: Mapping[str, Any], timeout: float) -> Self:
        """Read what a node's control says of it; raises `TestbedError` when it did not end."""
        if reply.get("timeout"):
            raise TestbedError(f"{node}: {' '.join(argv)}: not done after {timeout:g} s")
        return cls(tuple(argv), reply["status"], reply["stdout"], reply["stderr"])


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What an HTTP server said, header names in small letters; status 0 and why when nothing."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentAddress:
    """Where the harness reaches a probe agent's control port."""

    host: str
    port: int


@runtime_checkable
class Node(Protocol):
    """One network stack with one kube-proxy."""

    @property
    def name(self) -> str:
        """The Kubernetes Node name."""

    @property
    def addresses(self) -> Mapping[str, str]:
        """The Node's InternalIP of each family."""

    @property
    def spec(self) -> ProxySpec:
        """The kube-proxy that runs here now."""

    @property
    def agent(self) -> AgentAddress:
        """The probe agent in the node's own network namespace."""

    @property
    def kernel(self) -> str:
        """The node's kernel release, as `uname -r` prints it."""


class NodeFaults(Protocol):
    """What a provider can do to its nodes and control plane, each with its undoing.

    All of it is done from outside, so that a node can neither refuse nor notice; doing or undoing
    a thing twice changes nothing. Raises `ConfigError` for what the provider cannot do, which is
    then no capability of the cluster either.
    """

    def freeze(self, node: Node) -> None:
        """Stop a node with its kernel, packets in flight included; capability "node-freeze"."""

    def thaw(self, node: Node) -> None:
        """Let a frozen node go on as if nothing had been."""

    def power_off(self, node: Node) -> None:
        """Cut a node's power: what its kernel knew is lost; capability "node-power"."""

    def power_on(self, node: Node) -> None:
        """Boot a node that is off and return when it takes commands; kube-proxy does not run."""

    def is_on(self, node: Node) -> bool:
        """Whether the node has power, frozen or not."""

    def unplug(self, node: Node) -> None:
        """Cut the node's link to the cluster's network both ways; capability "node-partition"."""

    def plug(self, node: Node) -> None:
        """Connect the node again."""

    def stall_store(self) -> None:
        """Stop what the API server keeps its objects in; capability "store-stall"."""

    def resume_store(self) -> None:
        """Let it go on."""

    def signal_proxy(self, node: Node, number: int) -> None:
        """Send kube-proxy a signal that does not end it, as SIGSTOP; capability "node-access"."""

    def route_pods(self, node: Node, address: str) -> None:
        """Have everybody else reach the node's pods by this address of its own, as a CNI would.

        For the pods of the address's family; capability "pod-routes".
        """

    def use_iptables(self, node: Node, backend: IptablesBackend) -> None:
        """Let the name iptables, and its kin, stand for another program on the node.

        No rule moves from one to the other. Capability "iptables-backend".
        """


class OutsideProcess(Protocol):
    """A process that runs where an outside client is."""

    def status(self) -> int | None:
        """Its exit status, None while it runs."""

    def end(self) -> None:
        """Kill it and all that it started; one that has ended already is as good."""


class LoadPod(Protocol):
    """A pod on the pods' network that has locust, and a folder of files of ours."""

    address: str

    def start(self, name: str, arguments: Sequence[str], *, log: Path) -> OutsideProcess:
        """Start locust in the folder; its output is in `log` when it has ended."""

    def fetch(self, path: str, to: Path) -> bool:
        """Copy a file of the folder to here; False where there is none."""

    def ahead(self) -> int:
        """How far its monotonic clock is ahead of this machine's, in ns."""


class ObjectStore(Protocol):
    """What the API server keeps its objects in, written to beside it."""

    def write(self, put: Mapping[str, Mapping[str, Any]], remove: Sequence[str] = ()) -> None:
        """Put and remove objects, by key, in one transaction; raises `TestbedError`."""


class Cluster(Protocol):
    """A running cluster.

    Public methods keep the books; a provider that cannot do one raises `ConfigError` and does not
    list the capability, from which skips are computed.
    """

    name: str
    capabilities: frozenset[str]

    @property
    def api(self) -> Any:
        """A configured `kubernetes.client.ApiClient`."""

    @property
    def direct(self) -> ObjectStore | None:
        """The API server's store, for objects by the thousand; None where it is out of reach."""

    @property
    def nodes(self) -> Sequence[Node]:
        """All nodes, in the order of their names."""

    @property
    def faults(self) -> NodeFaults:
        """What can be done to the nodes."""

    @property
    def fault_log(self) -> Path:
        """The file that says which faults are in force; it lives as long as the cluster."""

    @property
    def outside(self) -> Sequence[AgentAddress]:
        """Clients that are no part of the cluster, each with an address of its own."""

    def outside_addresses(self, number: int) -> dict[str, str]:
        """Return the addresses of outside client `number`, from 1, by family."""

    def set_outside_route(self, number: int, address: str, node: Node | None) -> None:
        """Lead what outside client `number` sends to `address` to `node`; None: nowhere special.

        `address` may be anybody's, one of 127.0.0.0/8 too. Capability "outside-route".
        """

    @property
    def meeting_point(self) -> str:
        """An IPv4 address of outside client 0's, which all outside clients reach."""

    def spawn_outside(
        self, number: int, name: str, argv: Sequence[str], *, log: Path
    ) -> OutsideProcess:
        """Start a process called `name` in the network of outside client `number`, from 1.

        Number 0 is where the harness itself is. Capability "outside-client".
        """

    def load_pod(self, number: int, node: Node, files: Mapping[str, Path]) -> LoadPod:
        """Return pod `number` for loads, made on `node` when it is first asked for.

        `files` are those that it has beside locust, by their paths in its folder. Raises
        `TestbedError` when there is no locust for its image, and `ConfigError` without the
        capability "load-pods".
        """

    def set_proxy(self, node: Node, spec: ProxySpec, *, clean: bool = True) -> None:
        """Run `spec` on `node` and return when it has synced once.

        With `clean`, another mode's rules are removed first by the old build's `--cleanup`. Raises
        `BuildError` when it exits or does not sync within its bound.
        """

    def set_proxies(self, specs: Mapping[str, ProxySpec], *, clean: bool = True) -> None:
        """Do `set_proxy` for several nodes, by name, at the same time."""

    def stop_proxy(self, node: Node, signal: int = 9) -> None:
        """End kube-proxy on `node` by `signal` and leave its rules as they are."""

    def start_proxy(self, node: Node) -> None:
        """Start the node's `spec` again, as `set_proxy` does."""

    def stop_api(self) -> None:
        """Crash the API server; needs the capability "api-restart"."""

    def start_api(self) -> None:
        """Start the API server again and return when it is ready."""

    def run(
        self, node: Node, argv: Sequence[str], *, stdin: str = "", timeout: float = 30.0
    ) -> Ran:
        """Run a command in the node's own namespaces; raises `TestbedError` after `timeout` s."""

    def http(self, node: Node, url: str, *, timeout: float = 2.0) -> HttpAnswer:
        """Answer of a GET made on `node`; status 0 when there was no HTTP answer."""

    def check_proxies(self) -> None:
        """Raise `BuildError` for the first kube-proxy that has ended although nobody ended it."""

    def proxy_log(self, node: Node) -> str:
        """What kube-proxy on `node` logged last, at least 2,000 lines where there are as many."""

    def proxy_syncs(self, node: Node, *, age: float = 0.2) -> dict[str, float]:
        """How many syncs kube-proxy had ended `age` seconds ago or later, by its metric's labels.

        From 1.33 there is a counter for each family (`ip_family`), before one for both.
        """

    def proxy_busy(self, node: Node) -> bool:
        """Whether kube-proxy is at work rather than waiting for something to do."""

    def ready_namespace(self, name: str) -> None:
        """Make a namespace that was just created fit for pods with an agent."""

    def agent_pod(self, namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
        """Return a pod's manifest as this provider runs it.

        Its one container has the agent's arguments as `args`; the rest is the provider's.
        """

    def pod_agent(self, namespace: str, name: str) -> AgentAddress:
        """Where the agent of a running pod is controlled."""

    def collect(self, directory: Path) -> None:
        """Write the logs of every component and the state of every node below `directory`."""

    def forked(self) -> None:
        """Make this object usable in a process that was forked from the one that owns it."""

    def keep(self) -> None:
        """Let the cluster outlive this process, instead of `close`."""

    def how_to_enter(self) -> str:
        """Return the lines that tell a person how to get into a kept cluster."""

    def close(self) -> None:
        """Remove everything that the cluster consists of, or that was put into it."""
