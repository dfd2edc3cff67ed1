"""The way to a cluster's API by a kubeconfig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.kube import Kube


def load_api(kubeconfig: Path) -> Any:
    """Return a client for a kubeconfig, with the proxy of the environment where it is set."""
    from kubernetes import config  # noqa: PLC0415 - a second of imports

    try:
        return config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise ConfigError(f"{kubeconfig}: {error}") from error


def ready_nodes(kube: Kube) -> list[dict[str, Any]]:
    """Return the Nodes that are ready, in the order of their names."""
    items = kube.get("/api/v1/nodes")["items"]
    ready = [
        item
        for item in items
        if any(
            condition["type"] == "Ready" and condition["status"] == "True"
            for condition in item["status"].get("conditions", [])
        )
    ]
    return sorted(ready, key=lambda item: str(item["metadata"]["name"]))
