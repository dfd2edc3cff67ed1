"""What a run has in a cluster that it did not make: namespaces of its own, and pods there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kubernetes.client.exceptions import ApiException

from clusters.errors import TestbedError
from clusters.existing import objects
from clusters.hints import clusters_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from clusters.kube import Kube

READY_WITHIN = 120.0
ACCOUNT_WITHIN = 30.0
GONE_WITHIN = 120.0
POLL = 0.1


class Foothold:
    """Makes what a run has there, and waits until it is of use.

    `slow_factor` multiplies what kubelets and controllers are given.
    """

    def __init__(
        self, kube: Callable[[], Kube], kubeconfig: Path, run_id: str, slow_factor: float
    ) -> None:
        self.kube = kube
        self.kubeconfig = kubeconfig
        self.run_id = run_id
        self.slow_factor = slow_factor

    def settle(self) -> None:
        """Make the namespace of the nodes' pods; one that is there belongs to another run."""
        name = objects.SYSTEM_NAMESPACE
        try:
            self.kube().create("/api/v1/namespaces", objects.namespace(name, self.run_id))
        except ApiException as error:
            if error.status != 409:
                raise
            raise TestbedError(
                f"the namespace {name} is there: another run uses this cluster, or was killed; "
                f"then: {clusters_command('clean', str(self.kubeconfig))}"
            ) from error
        self.wait_account(name)
        path = f"/api/v1/namespaces/{name}/configmaps"
        self.kube().create(path, objects.node_config_map())

    def wait_account(self, namespace: str) -> None:
        """Wait until pods can be made in a namespace; raises `TestbedError`."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        deadline = time.monotonic() + ACCOUNT_WITHIN * self.slow_factor
        while self.kube().find(path) is None:
            if time.monotonic() > deadline:
                raise TestbedError(f"namespace {namespace} has got no service account")
            time.sleep(POLL / 5)

    def wait_pod(self, path: str) -> None:
        """Wait until a pod is ready; raises `TestbedError` with why it is not."""
        deadline = time.monotonic() + READY_WITHIN * self.slow_factor
        while True:
            status = self.kube().get(path).get("status", {})
            conditions = {c["type"]: c["status"] for c in status.get("conditions", [])}
            if conditions.get("Ready") == "True":
                return
            if time.monotonic() > deadline or status.get("phase") == "Failed":
                raise TestbedError(f"{path.rpartition('/')[2]} does not run: {_why(status)}")
            time.sleep(POLL)


def remove_namespaces(kube: Kube, selector: str, within: float = GONE_WITHIN) -> list[str]:
    """Delete the namespaces with these labels, wait until they are gone, and return their names.

    Raises `TestbedError` when they stay.
    """
    path = f"/api/v1/namespaces?labelSelector={selector}"
    names = [item["metadata"]["name"] for item in kube.get(path)["items"]]
    for name in names:
        # Pods of ours need no grace, and the namespace waits for them.
        kube.call("DELETE", f"/api/v1/namespaces/{name}/pods", {"gracePeriodSeconds": 0})
        kube.delete(f"/api/v1/namespaces/{name}")
    deadline = time.monotonic() + within
    while left := kube.get(path)["items"]:
        if time.monotonic() > deadline:
            shown = ", ".join(item["metadata"]["name"] for item in left)
            raise TestbedError(f"namespaces that do not go: {shown}")
        time.sleep(POLL)
    return names


def _why(status: Mapping[str, Any]) -> str:
    for container in status.get("containerStatuses") or []:
        for state in ("waiting", "terminated"):
            if found := container.get("state", {}).get(state):
                return f"{container['name']} {found.get('reason')}: {found.get('message', '')}"
    return str(status.get("message") or status.get("phase") or "nothing is known of it")
