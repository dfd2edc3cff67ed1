"""The DaemonSet that runs a cluster's kube-proxies, as kubeadm makes it.

A node that is to run something else is labelled, and the DaemonSet is told once to keep off such
nodes. Taking the label away gives the node back, so undoing needs no memory of what was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import yaml

from clusters.errors import ConfigError, TestbedError
from clusters.protocol import MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.kube import Kube
    from clusters.protocol import Mode

NAMESPACE = "kube-system"
NAME = "kube-proxy"
DAEMON_SET = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"
CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
NODE_LABEL = "proxyproof.dev/kube-proxy"
KEEP_OFF = {"key": NODE_LABEL, "operator": "DoesNotExist"}
POLL = 0.2
ROLLED_OUT_WITHIN = 120.0


class DaemonSet:
    """What the cluster's kube-proxies are, and where they run."""

    def __init__(self, kube: Kube, slow_factor: float = 1.0) -> None:
        """`slow_factor` multiplies what kubelets and controllers are given."""
        self.kube = kube
        self.slow_factor = slow_factor

    def manifest(self) -> dict[str, Any]:
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

    def template(self) -> dict[str, Any]:
        """Return the spec of its pods; raises `ConfigError` where there is no DaemonSet."""
        spec: dict[str, Any] = self.manifest()["spec"]["template"]["spec"]
        return spec

    def adopt(self, image: str) -> None:
        """Have the DaemonSet run another image and keep off nodes with our label, in one change."""
        container = {"name": NAME, "image": image, "imagePullPolicy": "IfNotPresent"}
        affinity = {"nodeAffinity": keeping_off([])}
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
        terms = _terms(self.template())
        if any(KEEP_OFF in term.get("matchExpressions", []) for term in terms):
            return
        self._patch_template({"affinity": {"nodeAffinity": keeping_off(terms)}})
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
            manifest = self.manifest()
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


def keeping_off(terms: list[dict[str, Any]]) -> dict[str, Any]:
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
