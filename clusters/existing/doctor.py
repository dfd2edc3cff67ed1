"""What may run on an existing cluster, found out without changing anything there."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.errors import ConfigError, ProxyproofError, TestbedError
from clusters.existing.api import load_api
from clusters.existing.daemon_set import NAMESPACE, DaemonSet
from clusters.existing.provider import ALWAYS, OURS_ONLY
from clusters.existing.proxy_pod import proxy_on
from clusters.existing.streams import Command
from clusters.kube import Kube

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.protocol import Mode

VERSION_WITHIN = 5.0
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

READ = (
    ("list", "", "nodes", ""),
    ("list", "", "namespaces", ""),
    ("list", "", "services", ""),
    ("list", "events.k8s.io", "events", ""),
    ("get", "apps", "daemonsets", NAMESPACE),
    ("get", "", "configmaps", NAMESPACE),
    ("list", "", "pods", NAMESPACE),
)
MAKE = (
    ("create", "", "namespaces", ""),
    ("patch", "", "namespaces", ""),
    ("delete", "", "namespaces", ""),
    ("create", "", "pods", "proxyproof-nodes"),
    ("deletecollection", "", "pods", "proxyproof-nodes"),
    ("create", "", "configmaps", "proxyproof-nodes"),
    ("create", "", "services", "proxyproof-nodes"),
    ("patch", "", "services/status", "proxyproof-nodes"),
    ("create", "discovery.k8s.io", "endpointslices", "proxyproof-nodes"),
    ("get", "", "pods/exec", "proxyproof-nodes"),
    ("get", "", "pods/portforward", "proxyproof-nodes"),
)
DISRUPT = (
    ("patch", "", "nodes", ""),
    ("patch", "apps", "daemonsets", NAMESPACE),
    ("create", "", "pods", NAMESPACE),
    ("create", "", "configmaps", NAMESPACE),
)


@dataclass(slots=True)
class Finding:
    """What an existing cluster is and lets this account do."""

    server: str = ""
    version: str = ""
    nodes: list[str] = field(default_factory=list)
    kernels: list[str] = field(default_factory=list)
    families: list[str] = field(default_factory=list)
    mode: Mode | None = None
    image: str = ""
    image_id: str = ""
    proxy_version: str = ""
    no_proxy: str = ""
    refused: list[str] = field(default_factory=list)
    refused_disruption: list[str] = field(default_factory=list)
    privileged: str = ""
    load_balancers: int = 0
    seconds: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether suites can run there at all."""
        return bool(self.mode and self.nodes) and not self.refused and not self.privileged

    def capabilities(self, *, disruption: bool) -> frozenset[str]:
        """Return what cases can count on."""
        able = ALWAYS | (OURS_ONLY if disruption and not self.refused_disruption else frozenset())
        return able | ({"dual-stack"} if len(self.families) > 1 else set())

    def reasons(self, *, disruption: bool) -> dict[str, str]:
        """Return why a capability is not there."""
        change = (
            f"this account may not {', '.join(self.refused_disruption)}"
            if disruption
            else "changes the kube-proxies of a cluster that is not ours: --kp-allow-disruption"
        )
        return {
            "disruption": change,
            "proxy-restart": change,
            "outside-client": "there is no client outside of this cluster that is ours",
            "outside-route": "there is no client outside of this cluster that is ours",
            "api-restart": "the API server of this cluster is not ours to stop",
            "hand-made-status": "a real kubelet writes what is so over what a case makes up",
            "every-mode": "what kernels of an existing cluster lack for other modes is not known",
            "sctp": "not every node of an existing cluster has SCTP",
        }


def examine(kubeconfig: Path) -> Finding:
    """Look at a cluster; raises `ConfigError` or `TestbedError` where there is none to look at."""
    started = time.monotonic()
    kube = Kube(load_api(kubeconfig))
    found = Finding(server=str(kube.api.configuration.host))
    try:
        found.version = str(kube.call("GET", "/version")["gitVersion"])
    except ProxyproofError:
        raise
    except Exception as error:
        raise TestbedError(f"{found.server}: {error}") from error
    found.refused = _refused(kube, READ + MAKE)
    found.refused_disruption = _refused(kube, DISRUPT)
    if "list nodes" in found.refused:
        found.seconds = time.monotonic() - started
        return found
    _look_at_nodes(kube, found)
    _look_at_proxy(kube, found)
    found.privileged = _refuses_privileged(kube)
    found.seconds = time.monotonic() - started
    return found


def _refused(kube: Kube, wanted: tuple[tuple[str, str, str, str], ...]) -> list[str]:
    """Ask of each right whether this account has it."""
    refused = []
    for verb, group, resource, namespace in wanted:
        name, _, sub = resource.partition("/")
        attributes = {"verb": verb, "group": group, "resource": name, "namespace": namespace}
        body = {"spec": {"resourceAttributes": {**attributes, "subresource": sub}}}
        if not kube.create(REVIEWS, body)["status"].get("allowed"):
            refused.append(f"{verb} {resource}" + (f" in {namespace}" if namespace else ""))
    return refused


def _look_at_nodes(kube: Kube, found: Finding) -> None:
    families: set[str] = set()
    for node in kube.get("/api/v1/nodes")["items"]:
        found.nodes.append(node["metadata"]["name"])
        found.kernels.append(node["status"]["nodeInfo"]["kernelVersion"])
        internal = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
        families |= {"ipv6" if ":" in address else "ipv4" for address in internal}
    found.families = sorted(families)
    services = kube.get("/api/v1/services")["items"]
    found.load_balancers = sum(s["spec"]["type"] == "LoadBalancer" for s in services)


def _look_at_proxy(kube: Kube, found: Finding) -> None:
    daemon_set = DaemonSet(kube)
    try:
        found.image = daemon_set.template()["containers"][0]["image"]
        found.mode = daemon_set.mode()
    except ConfigError as error:
        found.no_proxy = str(error)
    if found.mode and "list pods in kube-system" not in found.refused and found.nodes:
        _ask_version(kube, proxy_on(kube, found.nodes[0]), found)


def _ask_version(kube: Kube, pod: dict[str, Any] | None, found: Finding) -> None:
    """Ask the program itself: what an image is called says little of what is in it."""
    if pod is None:
        return
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found.image_id = str(statuses[0].get("imageID", "")).rpartition(":")[2]
    container = pod["spec"]["containers"][0]
    program = (container.get("command") or ["kube-proxy"])[0]
    where = (NAMESPACE, pod["metadata"]["name"], container["name"])
    with contextlib.suppress(TestbedError):
        asked = Command(kube.api, *where, [program, "--version"])
        try:
            said = asked.ask(b"", VERSION_WITHIN).decode(errors="replace")
        finally:
            asked.close()
        found.proxy_version = said.removeprefix("Kubernetes ").strip()


def _refuses_privileged(kube: Kube) -> str:
    """Have the API server admit a node's pod without making it; "" when it would.

    A namespace of our own could not be tried dry: it has to be there for its pods to be judged. So
    the pod is tried in kube-system, where kube-proxy is privileged too.
    """
    from clusters.existing import objects  # noqa: PLC0415 - only here

    pod: dict[str, Any] = objects.node_pod("nowhere", "none", "doctor", 21_000)
    try:
        kube.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", pod, dryRun="All")
    except Exception as error:  # noqa: BLE001 - whatever the API says is the answer
        said = str(getattr(error, "body", "") or error)
        return "" if "is forbidden: User" in said else " ".join(said.split())[:200]
    return ""


def say(found: Finding, kubeconfig: Path) -> str:
    """Return the doctor's words."""
    lines = [f"{kubeconfig}: Kubernetes {found.version} at {found.server}"]
    lines.append(
        f"  nodes       {len(found.nodes)}, {' and '.join(found.families) or 'no address'}, "
        f"kernel {', '.join(sorted(set(found.kernels))) or 'unknown'}"
    )
    version = found.proxy_version or "of unknown version"
    proxy = (
        f"{version} in {found.mode} mode, {found.image}"
        if found.mode
        else found.no_proxy or "not found"
    )
    lines.append(f"  kube-proxy  {proxy}")
    rights = f"may not {', '.join(found.refused)}" if found.refused else "all that cases need"
    lines.append(f"  rights      {rights}")
    lines.append(f"  privileged  {found.privileged or 'admitted: node access works'}")
    change = found.refused_disruption
    lines.append(
        "  disruption  "
        + (f"may not {', '.join(change)}" if change else "possible with --kp-allow-disruption")
    )
    lines.append(f"  balancers   {found.load_balancers} Services of type LoadBalancer")
    able = sorted(found.capabilities(disruption=not change))
    lines.append(f"  cases with  {', '.join(able)}" if found.usable else "  no case can run")
    return "\n".join(lines)
