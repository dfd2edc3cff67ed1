"""Removing what runs that were killed left in an existing cluster."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.existing import objects
from clusters.existing.api import load_api
from clusters.existing.daemon_set import CONFIG_MAPS, NODE_LABEL, DaemonSet
from clusters.existing.foothold import remove_namespaces
from clusters.existing.node import node_access
from clusters.existing.proxy_pod import PODS
from clusters.kube import Kube

if TYPE_CHECKING:
    from pathlib import Path

SELECTOR = f"{objects.MANAGED}%3D{objects.OURS[objects.MANAGED]}"


def clean(kubeconfig: Path) -> list[str]:
    """Remove everything with our label and give labelled nodes back; returns what was removed.

    The DaemonSet gets its nodes back first: until then they have no kube-proxy, or one of ours.
    """
    kube = Kube(load_api(kubeconfig))
    removed = _set_back(kube)
    for node in kube.get(f"/api/v1/nodes?labelSelector={NODE_LABEL}")["items"]:
        name = node["metadata"]["name"]
        _remove_pods(kube, f"&fieldSelector=spec.nodeName%3D{name}")
        labels = {"metadata": {"labels": {NODE_LABEL: None}}}
        kube.patch(f"/api/v1/nodes/{name}", labels)
        removed.append(f"the label of node {name}")
    removed += _remove_pods(kube, "")
    for entry in kube.get(f"{CONFIG_MAPS}?labelSelector={SELECTOR}")["items"]:
        kube.delete(f"{CONFIG_MAPS}/{entry['metadata']['name']}")
        removed.append(f"ConfigMap {entry['metadata']['name']}")
    if DaemonSet(kube).let_on():
        removed.append("the affinity of the kube-proxy DaemonSet")
    removed += [f"namespace {name}" for name in remove_namespaces(kube, SELECTOR)]
    return removed


def _set_back(kube: Kube) -> list[str]:
    """Set the nodes' sysctls back to what a run noted, where its pods are still there to do it."""
    path = f"/api/v1/namespaces/{objects.SYSTEM_NAMESPACE}"
    namespace = kube.find(path) or {"metadata": {}}
    noted = namespace["metadata"].get("annotations", {}).get(objects.BEFORE, "{}")
    done = []
    for node, values in json.loads(noted).items():
        access = node_access(node, lambda: kube.api)
        with contextlib.suppress(TestbedError):
            access.ask("sysctls", values=values)
            done.append(f"changed sysctls of node {node}")
        access.close()
    return done


def _remove_pods(kube: Kube, query: str) -> list[str]:
    found = kube.get(f"{PODS}?labelSelector={SELECTOR}{query}")["items"]
    names = [pod["metadata"]["name"] for pod in found]
    for name in names:
        kube.delete(f"{PODS}/{name}", grace=0)
    return [f"pod {name}" for name in names]
