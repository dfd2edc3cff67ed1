"""The pods of kube-proxies: which is a node's, what it says of itself, and one of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clusters.existing.daemon_set import NAME, NAMESPACE
from clusters.existing.objects import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.kube import Kube

PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
OWNER = "proxyproof.dev/node"


def proxy_on(kube: Kube, node: str) -> dict[str, Any] | None:
    """Return the kube-proxy pod of a node that is not on its way out."""
    query = f"?fieldSelector=spec.nodeName%3D{node}"
    alive = [
        pod
        for pod in kube.get(f"{PODS}{query}")["items"]
        if "deletionTimestamp" not in pod["metadata"] and _is_proxy(pod)
    ]
    return alive[0] if alive else None


def own_pod(
    template: Mapping[str, Any], name: str, node: str, image: str, cleaner: str
) -> dict[str, Any]:
    """Return a pod that runs another kube-proxy on a node as the DaemonSet would.

    `template` is the spec of the DaemonSet's pods. With `cleaner`, an image, that build's
    `--cleanup` runs first.
    """
    spec = json.loads(json.dumps(template))
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


def _status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found: Mapping[str, Any] = statuses[0]
    return found


def restarts(pod: Mapping[str, Any]) -> int:
    """Return how often the kubelet has started the container again."""
    return int(_status(pod).get("restartCount", 0))


def how_ended(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the container ended when it does not stay up, {} while it may still."""
    status = _status(pod)
    for state in (status.get("state", {}), status.get("lastState", {})):
        if ended := state.get("terminated"):
            found: Mapping[str, Any] = ended
            return found
    return {}
