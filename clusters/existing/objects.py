"""The objects that this project puts into a cluster it did not make: pure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "fixtures" / "agent" / "agent.py"

MANAGED = "app.kubernetes.io/managed-by"
OURS = {MANAGED: "proxyproof"}
RUN = "proxyproof.dev/run"
CONTROL = "proxyproof.dev/control-port"

CONFIG_MAP = "proxyproof-agent"
FOLDER = "/proxyproof"
CONTROL_PORT = 7001
OPEN_PORT = 7002
HOST_PORTS = range(28_000, 30_000, 2)
"""For the agents of pods in their node's network; below NodePorts and ephemeral ports. No probe has
one of them, or the next, as its source port (fixtures/source_ports.py)."""

NODE_FILES = {
    "clusters/__init__.py": "clusters/__init__.py",
    "clusters/errors.py": "clusters/errors.py",
    "clusters/embedded/namespaces.py": "clusters/embedded/namespaces.py",
    "clusters/embedded/guest/activity.py": "clusters/embedded/guest/activity.py",
    "clusters/embedded/guest/control.py": "clusters/embedded/guest/control.py",
    "clusters/existing/node_server.py": "clusters/existing/node_server.py",
    "clusters/existing/pod_server.py": "clusters/existing/pod_server.py",
    "agent.py": str(AGENT.relative_to(ROOT)),
}
"""What a node's pod has below `FOLDER`, and where that comes from."""

KERNELS_PORTS = "60000 65535"
"""What kernels of pods and nodes choose ephemeral ports from, past those that probes are sent from
(fixtures/source_ports.py)."""

SYSCTLS = {
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "100000",
    "net/ipv6/icmp/ratelimit": "0",
    "net/ipv4/ip_local_port_range": KERNELS_PORTS,
}
"""What is refused is to be told each time: by default a kernel tells a sender once a second."""

BEFORE = "proxyproof.dev/sysctls-before"
"""Annotation of the system namespace: what a run has to set back, by node."""

SYSTEM_NAMESPACE = "proxyproof-nodes"


def namespace(name: str, run: str) -> dict[str, Any]:
    """Return a namespace of a run's, where pods may be privileged."""
    level = "pod-security.kubernetes.io/enforce"
    return {"metadata": {"name": name, "labels": {**OURS, RUN: run, level: "privileged"}}}


def agent_config_map() -> dict[str, Any]:
    """Return the ConfigMap that holds the agent."""
    metadata = {"name": CONFIG_MAP, "labels": OURS}
    return {"metadata": metadata, "data": {"agent.py": AGENT.read_text()}}


def node_config_map() -> dict[str, Any]:
    """Return the ConfigMap that holds what runs in a node's pod; keys cannot have slashes."""
    data = {_key(path): (ROOT / source).read_text() for path, source in NODE_FILES.items()}
    return {"metadata": {"name": CONFIG_MAP, "labels": OURS}, "data": data}


def _key(path: str) -> str:
    return path.replace("/", "-")


def node_pod(node: str, image: str, run: str, port: int) -> dict[str, Any]:
    """Return the pod that gives access to a node: commands in one container, probes in the other.

    `port` is the agent's control port on the node's loopback.
    """
    common = _container(node, image)
    access = {
        **common,
        "name": "access",
        "command": ["sleep", "infinity"],
        "securityContext": {"privileged": True},
    }
    agent = {
        **common,
        "name": "agent",
        "command": [*agent_command(port, f"/{node}", node), "--serve", f"tcp:{port + 1}"],
        "startupProbe": {
            "tcpSocket": {"port": port + 1},
            "periodSeconds": 1,
            "failureThreshold": 60,
        },
    }
    made = _pod(f"node-{node}", node, run, [access, agent])
    made["spec"] |= {"hostNetwork": True, "hostPID": True, "hostIPC": True}
    return made


def load_pod(name: str, node: str, image: str, run: str) -> dict[str, Any]:
    """Return a pod on the pods' network that takes commands and nothing else."""
    container = {**_container(node, image), "name": "load", "command": ["sleep", "infinity"]}
    return _pod(name, node, run, [container])


def _container(node: str, image: str) -> dict[str, Any]:
    """Return what containers with our files have in common."""
    env = {"NODE_NAME": node, "PYTHONPATH": FOLDER, "PYTHONDONTWRITEBYTECODE": "1"}
    return {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"name": "files", "mountPath": FOLDER}],
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }


def _pod(name: str, node: str, run: str, containers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a pod of the system namespace that has our files."""
    items = [{"key": _key(path), "path": path} for path in NODE_FILES]
    return {
        "metadata": {"name": name, "labels": {**OURS, RUN: run}},
        "spec": {
            "nodeName": node,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": containers,
            "volumes": [{"name": "files", "configMap": {"name": CONFIG_MAP, "items": items}}],
        },
    }


def agent_command(port: int, identity: str, node: str) -> list[str]:
    """Return what starts an agent; its control port is on the loopback, for the API to reach."""
    python = ["python3", "-I", "-S", "-B", f"{FOLDER}/agent.py"]
    return [*python, "--control", f"127.0.0.1:{port}", "--pod", identity, "--node", node]


def agent_pod(
    manifest: Mapping[str, Any], namespace: str, image: str, take_port: Callable[[], int]
) -> dict[str, Any]:
    """Return a case's pod as a kubelet can run it: image, files, and how it is known to be up.

    In its node's network it takes two ports, of which `take_port` gives the first.
    Ready means that every port is open: the last that the agent opens is asked for, once.
    """
    spec = dict(manifest["spec"])
    host = bool(spec.get("hostNetwork"))
    control = take_port() if host else CONTROL_PORT
    opened = control + 1 if host else OPEN_PORT
    identity = f"{namespace}/{manifest['metadata']['name']}"
    container = {key: value for key, value in spec["containers"][0].items() if key != "args"}
    container |= {
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": agent_command(control, identity, spec["nodeName"]),
        "args": [*spec["containers"][0].get("args", []), "--serve", f"tcp:{opened}"],
        "startupProbe": {"tcpSocket": {"port": opened}, "periodSeconds": 1, "failureThreshold": 60},
        "volumeMounts": [{"name": "agent", "mountPath": FOLDER}],
    }
    spec |= {
        "containers": [container],
        "volumes": [{"name": "agent", "configMap": {"name": CONFIG_MAP}}],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "tolerations": [{"operator": "Exists"}],
    }
    if not host:
        ports = {"name": "net.ipv4.ip_local_port_range", "value": KERNELS_PORTS}
        spec["securityContext"] = {"sysctls": [ports]}
    metadata = dict(manifest["metadata"])
    metadata["annotations"] = {**metadata.get("annotations", {}), CONTROL: str(control)}
    return {**manifest, "metadata": metadata, "spec": spec}
