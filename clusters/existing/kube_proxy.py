"""The kube-proxies of a cluster that has them as a DaemonSet.

On a node that is to run something else than the DaemonSet does, a pod of our own, made from its
template, runs instead.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from clusters.embedded.proxy import CRASHED, NOT_OFFERED, has_synced
from clusters.errors import BuildError, TestbedError
from clusters.existing.daemon_set import CONFIG_MAPS, NAME, NODE_LABEL, DaemonSet
from clusters.existing.objects import OURS
from clusters.existing.proxy_pod import OWNER, PODS, how_ended, own_pod, proxy_on, restarts
from clusters.protocol import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.existing.node import ExistingNode
    from clusters.kube import Kube
    from clusters.protocol import ProxySpec

POLL = 0.2
GONE_WITHIN = 60.0
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
        self.daemon_set = DaemonSet(kube, slow_factor)
        self.first_sync = first_sync
        self.slow_factor = slow_factor
        self.image_of = image_of
        self.base: ProxySpec | None = None
        self.own: dict[str, str] = {}
        self.restarts: dict[str, int] = {}
        self._made = 0

    # -------------------------------------------------------------------- what is changed

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
        pod = proxy_on(self.kube, node.name)
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
        self.daemon_set.let_on()

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
        config = merge({**self.daemon_set.configuration(), "mode": spec.mode}, spec.config)
        data = {**held["data"], "config.conf": yaml.safe_dump(config)}
        labels = {**OURS, OWNER: node.name}
        self.kube.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels}, "data": data})
        template = self.daemon_set.template()
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
            pod = proxy_on(self.kube, node.name) or pod
            if ended := how_ended(pod):
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
        self.restarts[node.name] = restarts(proxy_on(self.kube, node.name) or pod)

    def _wait_created(self, node: ExistingNode) -> dict[str, Any]:
        within = STARTED_WITHIN * self.slow_factor
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            pod = proxy_on(self.kube, node.name)
            if pod is not None:
                return pod
            time.sleep(POLL)
        raise TestbedError(f"no kube-proxy pod came to {node.name} in {within:g} s")

    def check_alive(self, node: ExistingNode) -> None:
        """Raise `BuildError` when kube-proxy has ended although nobody ended it."""
        pod = proxy_on(self.kube, node.name)
        if pod is None or restarts(pod) <= self.restarts.get(node.name, 0):
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
