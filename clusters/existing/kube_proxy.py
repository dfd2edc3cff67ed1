"""The kube-proxies of a cluster that has them as a DaemonSet.

A node that is to run something else than the DaemonSet does is labelled; the DaemonSet keeps off
labelled nodes, and a pod of our own, made from its template, runs there instead. Taking the label
away gives the node back, so undoing needs no memory of what was.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import yaml

from clusters.embedded.proxy import CRASHED, NOT_OFFERED, has_synced
from clusters.errors import BuildError, ConfigError, TestbedError
from clusters.existing.objects import OURS
from clusters.protocol import MODES, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.existing.node import ExistingNode
    from clusters.kube import Kube
    from clusters.protocol import Mode, ProxySpec

NAMESPACE = "kube-system"
NAME = "kube-proxy"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
NODE_LABEL = "proxyproof.dev/kube-proxy"
OWNER = "proxyproof.dev/node"
KEEP_OFF = {"key": NODE_LABEL, "operator": "DoesNotExist"}
POLL = 0.2
GONE_WITHIN = 60.0
ROLLED_OUT_WITHIN = 120.0
STARTED_WITHIN = 60.0


class KubeProxies:
    """Finds kube-proxies, replaces them on single nodes, and gives the nodes back."""

    def __init__(
        self,
        kube: Kube,
        first_sync: float,
        image_of: Callable[[ProxySpec], str],
        slow_factor: float = 1.0,
    ) -> None:
        """`image_of` gives the image of a build; `first_sync` is in seconds.

        `slow_factor` multiplies what kubelets and controllers are given.
        """
        self.kube = kube
        self.first_sync = first_sync
        self.slow_factor = slow_factor
        self.image_of = image_of
        self.base: ProxySpec | None = None
        self.own: dict[str, str] = {}
        self.restarts: dict[str, int] = {}
        self._made = 0

    # -------------------------------------------------------------------- what there is

    def daemon_set(self) -> dict[str, Any]:
        """Return the DaemonSet; raises `ConfigError` where there is none."""
        found = self.kube.find(DAEMON_SET)
        if found is None:
            raise ConfigError(
                f"there is no DaemonSet {NAMESPACE}/{NAME}: "
                "something else programs Services on this cluster"
            )
        return found

    def configuration(self) -> dict[str, Any]:
        """Return the KubeProxyConfiguration that the DaemonSet mounts."""
        held = self.kube.find(f"{CONFIG_MAPS}/{NAME}") or {}
        data = held.get("data", {})
        text = data.get("config.conf") or data.get("config") or ""
        read: dict[str, Any] = yaml.safe_load(text) or {}
        return read

    def mode(self) -> Mode:
        """Return the configured mode; kube-proxy's default on Linux is iptables."""
        said = self.configuration().get("mode") or "iptables"
        for mode in MODES:
            if mode == said:
                return mode
        raise ConfigError(f"kube-proxy runs here in mode {said}, which this project does not judge")

    def pod_on(self, node: str) -> dict[str, Any] | None:
        """Return the kube-proxy pod of a node that is not on its way out."""
        query = f"?fieldSelector=spec.nodeName%3D{node}"
        alive = [
            pod
            for pod in self.kube.get(f"{PODS}{query}")["items"]
            if "deletionTimestamp" not in pod["metadata"] and _is_proxy(pod)
        ]
        return alive[0] if alive else None

    # -------------------------------------------------------------------- what is changed

    def adopt(self, image: str) -> None:
        """Have the DaemonSet run another image and keep off nodes with our label, in one change."""
        container = {"name": NAME, "image": image, "imagePullPolicy": "IfNotPresent"}
        affinity = {"nodeAffinity": _keeping_off([])}
        everywhere = {"rollingUpdate": {"maxUnavailable": "100%"}}
        spec = {"containers": [container], "affinity": affinity}
        self.kube.call(
            "PATCH",
            DAEMON_SET,
            {"spec": {"updateStrategy": everywhere, "template": {"spec": spec}}},
            kind="application/strategic-merge-patch+json",
        )

    def keep_off(self) -> None:
        """Have the DaemonSet keep off nodes with our label; its pods restart once, in turn."""
        manifest = self.daemon_set()
        spec = manifest["spec"]["template"]["spec"]
        if any(KEEP_OFF in term.get("matchExpressions", []) for term in _terms(spec)):
            return
        self._patch_template({"affinity": {"nodeAffinity": _keeping_off(_terms(spec))}})
        self.wait_rolled_out()

    def let_on(self) -> bool:
        """Undo `keep_off` and tell whether there was something to undo."""
        manifest = self.kube.find(DAEMON_SET)
        if manifest is None:
            return False
        spec = manifest["spec"]["template"]["spec"]
        terms = _terms(spec)
        if not any(KEEP_OFF in term.get("matchExpressions", []) for term in terms):
            return False
        for term in terms:
            term["matchExpressions"] = [e for e in term["matchExpressions"] if e != KEEP_OFF]
        left = [term for term in terms if term["matchExpressions"] or term.get("matchFields")]
        required = {"nodeSelectorTerms": left} if left else None
        self._patch_template(
            {
                "affinity": {
                    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}
                }
            }
        )
        return True

    def _patch_template(self, spec: dict[str, Any]) -> None:
        self.kube.patch(DAEMON_SET, {"spec": {"template": {"spec": spec}}})

    def wait_rolled_out(self) -> None:
        """Wait until the DaemonSet runs its present template everywhere; raises `TestbedError`."""
        within = ROLLED_OUT_WITHIN * self.slow_factor
        deadline = time.monotonic() + within
        while True:
            manifest = self.daemon_set()
            status = manifest["status"]
            wanted = status.get("desiredNumberScheduled", 0)
            done = (
                status.get("observedGeneration") == manifest["metadata"]["generation"]
                and status.get("updatedNumberScheduled", 0) == wanted
                and status.get("numberReady", 0) == wanted
            )
            if done:
                return
            if time.monotonic() > deadline:
                raise TestbedError(f"the kube-proxy DaemonSet did not roll out in {within:g} s")
            time.sleep(POLL)

    def replace(self, node: ExistingNode, spec: ProxySpec, *, clean: bool) -> None:
        """Run `spec` on a node; returns before it has synced."""
        before = node.spec
        tidy = clean and before.mode != spec.mode
        if spec == self.base and not tidy:
            if self._remove_own(node):
                # It goes on until the kubelet ends it, and is no sign that the other one is up.
                self.wait_gone(node)
            self._label(node, None)
        else:
            self._label(node, "own")
            self._remove_own(node)
            self.wait_gone(node)
            self._create_own(node, spec, cleaning=before if tidy else None)
        node.spec = spec

    def stop(self, node: ExistingNode, signal: int) -> None:
        """End the node's kube-proxy by `signal`, and have none until `start`."""
        pod = self.pod_on(node.name)
        self._label(node, "none")
        self._remove_own(node, grace=30)
        if pod is not None:
            self._wait_leaving(pod["metadata"]["name"])
        node.control.ask("kill", signal=signal, wait=10.0)
        self.wait_gone(node)

    def start(self, node: ExistingNode) -> None:
        """Start the node's `spec` again; returns before it has synced."""
        if node.spec == self.base:
            self._label(node, None)
        else:
            self._create_own(node, node.spec, cleaning=None)

    def give_back(self, nodes: Mapping[str, ExistingNode]) -> None:
        """Let the DaemonSet run on every node again."""
        for node in nodes.values():
            self._remove_own(node)
            self._label(node, None)
        self.let_on()

    def _label(self, node: ExistingNode, value: str | None) -> None:
        self.kube.patch(f"/api/v1/nodes/{node.name}", {"metadata": {"labels": {NODE_LABEL: value}}})

    def _remove_own(self, node: ExistingNode, grace: int = 0) -> bool:
        """Have the node's own kube-proxy end; tell whether there was one."""
        name = self.own.pop(node.name, "")
        if name:
            self.kube.delete(f"{PODS}/{name}", grace=grace)
            self.kube.delete(f"{CONFIG_MAPS}/{name}")
        return bool(name)

    def _create_own(
        self, node: ExistingNode, spec: ProxySpec, *, cleaning: ProxySpec | None
    ) -> None:
        self._made += 1
        name = f"kube-proxy-{node.name}-{self._made}"
        held = self.kube.get(f"{CONFIG_MAPS}/{NAME}")
        config = merge({**self.configuration(), "mode": spec.mode}, spec.config)
        data = {**held["data"], "config.conf": yaml.safe_dump(config)}
        labels = {**OURS, OWNER: node.name}
        self.kube.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels}, "data": data})
        template = self.daemon_set()["spec"]["template"]
        cleaner = self.image_of(cleaning) if cleaning else ""
        pod = own_pod(template, name, node.name, self.image_of(spec), cleaner)
        pod["spec"]["containers"][0]["command"] += list(spec.flags)
        self.kube.create(PODS, pod)
        self.own[node.name] = name

    # -------------------------------------------------------------------- waiting

    def wait_gone(self, node: ExistingNode) -> None:
        """Wait until no kube-proxy runs on the node; raises `TestbedError`."""
        within = GONE_WITHIN * self.slow_factor
        deadline = time.monotonic() + within
        while node.control.ask("proxy")["processes"]:
            if time.monotonic() > deadline:
                raise TestbedError(f"{node.name}: kube-proxy does not end in {within:g} s")
            time.sleep(POLL)

    def _wait_leaving(self, name: str) -> None:
        """Wait until a pod is on its way out: from then on the kubelet restarts nothing in it."""
        deadline = time.monotonic() + GONE_WITHIN * self.slow_factor
        while time.monotonic() < deadline:
            pod = self.kube.find(f"{PODS}/{name}")
            if pod is None or "deletionTimestamp" in pod["metadata"]:
                return
            time.sleep(POLL / 4)
        raise TestbedError(f"the DaemonSet controller does not take {name} away")

    def wait_synced(self, node: ExistingNode) -> None:
        """Wait for the first sync; raises `BuildError` with the log's last lines."""
        started = time.monotonic()
        pod = self._wait_created(node)
        while not has_synced(node.control.ask):
            pod = self.pod_on(node.name) or pod
            if ended := _ended(pod):
                raise self._failure(node, pod, ended)
            if time.monotonic() - started > self.slow_factor * STARTED_WITHIN + self.first_sync:
                raise BuildError(
                    f"kube-proxy on {node.name} runs, but has not synced after "
                    f"{self.first_sync:g} s",
                    kind="never-syncs",
                    node=node.name,
                    log=self.log(pod),
                )
            time.sleep(POLL)
        self.restarts[node.name] = _restarts(self.pod_on(node.name) or pod)

    def _wait_created(self, node: ExistingNode) -> dict[str, Any]:
        within = STARTED_WITHIN * self.slow_factor
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            pod = self.pod_on(node.name)
            if pod is not None:
                return pod
            time.sleep(POLL)
        raise TestbedError(f"no kube-proxy pod came to {node.name} in {within:g} s")

    def check_alive(self, node: ExistingNode) -> None:
        """Raise `BuildError` when kube-proxy has ended although nobody ended it."""
        pod = self.pod_on(node.name)
        if pod is None or _restarts(pod) <= self.restarts.get(node.name, 0):
            return
        raise BuildError(
            f"kube-proxy on {node.name} ended by itself; the kubelet started it again",
            kind="crashes",
            node=node.name,
            log=self.log(pod, previous=True),
        )

    def _failure(
        self, node: ExistingNode, pod: dict[str, Any], ended: Mapping[str, Any]
    ) -> BuildError:
        log = self.log(pod, previous=True) or self.log(pod)
        offered = NOT_OFFERED.search(log)
        status = ended.get("exitCode", 0)
        kind = "crashes" if status > 128 or CRASHED.search(log) else "does-not-start"
        message = f"kube-proxy on {node.name} ended with status {status} after its start"
        if offered:
            kind = "mode-not-offered"
            message = f"the build does not offer mode {node.spec.mode}: {offered.group(0)}"
        return BuildError(message, kind=kind, node=node.name, log=log)

    def log(self, pod: Mapping[str, Any], *, previous: bool = False, lines: int = 15) -> str:
        """Return the last lines of a pod's kube-proxy, "" where there are none."""
        query = f"?container=kube-proxy&tailLines={lines}" + ("&previous=true" if previous else "")
        try:
            return self.kube.text(f"{PODS}/{pod['metadata']['name']}/log{query}")
        except Exception:  # noqa: BLE001 - a container that never ran has no log
            return ""


def own_pod(
    template: Mapping[str, Any], name: str, node: str, image: str, cleaner: str
) -> dict[str, Any]:
    """Return a pod that runs another kube-proxy on a node as the DaemonSet would.

    With `cleaner`, an image, that build's `--cleanup` runs first.
    """
    spec = json.loads(json.dumps(template["spec"]))
    spec["nodeName"] = node
    spec.pop("affinity", None)
    spec.pop("nodeSelector", None)
    spec["terminationGracePeriodSeconds"] = 1
    for volume in spec["volumes"]:
        if "configMap" in volume and volume["configMap"]["name"] == NAME:
            volume["configMap"] = {**volume["configMap"], "name": name}
    container = spec["containers"][0]
    container["image"], container["imagePullPolicy"] = image, "IfNotPresent"
    if cleaner:
        program = container["command"][0]
        own = {"name": "cleanup", "image": cleaner, "command": [program, "--cleanup"]}
        spec["initContainers"] = [{**container, **own}]
    # Not the template's labels: the DaemonSet would take the pod for its own and remove it.
    labels = {**OURS, OWNER: node}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


def _is_proxy(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod is the DaemonSet's or one of ours."""
    metadata = pod["metadata"]
    owners = [owner["name"] for owner in metadata.get("ownerReferences", [])]
    return NAME in owners or OWNER in metadata.get("labels", {})


def _keeping_off(terms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a node affinity that adds ours to each of the terms there are."""
    kept = [
        {**term, "matchExpressions": [*term.get("matchExpressions", []), KEEP_OFF]}
        for term in terms or [{}]
    ]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": kept}}


def _terms(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms: list[dict[str, Any]] = required.get("nodeSelectorTerms") or []
    return terms


def _status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found: Mapping[str, Any] = statuses[0]
    return found


def _restarts(pod: Mapping[str, Any]) -> int:
    return int(_status(pod).get("restartCount", 0))


def _ended(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the container ended when it does not stay up, {} while it may still."""
    status = _status(pod)
    for state in (status.get("state", {}), status.get("lastState", {})):
        if ended := state.get("terminated"):
            found: Mapping[str, Any] = ended
            return found
    return {}
