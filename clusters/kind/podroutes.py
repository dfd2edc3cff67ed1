"""The pod network of a kind node: the standard CNI plugins for its own range, routes to the others.

Runs in a pod of its own on every node, with Python's standard library only.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONFIGURATION = Path("/etc/cni/net.d/10-proxyproof.conflist")
EVERY = 5.0
AGAIN = 0.5


def get_nodes() -> list[dict[str, Any]]:
    """Ask the API for all nodes."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    where = f"[{host}]" if ":" in host else host
    token = (ACCOUNT / "token").read_text()
    request = urllib.request.Request(
        f"https://{where}:{port}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    with urllib.request.urlopen(request, context=context, timeout=5) as answer:  # noqa: S310
        items: list[dict[str, Any]] = json.load(answer)["items"]
        return items


def configuration(ranges: list[str]) -> str:
    """Return the CNI configuration of a node with these pod ranges."""
    plugins = [
        {
            "type": "ptp",
            "ipMasq": False,
            "mtu": 1500,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni-ipam",
                "routes": [{"dst": "::/0" if ":" in pods else "0.0.0.0/0"} for pods in ranges],
                "ranges": [[{"subnet": pods}] for pods in ranges],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"cniVersion": "0.4.0", "name": "proxyproof", "plugins": plugins}, indent=1)


def ways(node: dict[str, Any]) -> list[tuple[str, str]]:
    """Return a node's pod ranges, each with the node's address of its family."""
    addresses = {
        ":" in entry["address"]: entry["address"]
        for entry in node["status"].get("addresses", [])
        if entry["type"] == "InternalIP"
    }
    ranges = node["spec"].get("podCIDRs") or []
    return [(pods, addresses[":" in pods]) for pods in ranges if (":" in pods) in addresses]


def write(text: str) -> None:
    """Replace the configuration in one step, if it is another."""
    if CONFIGURATION.exists() and CONFIGURATION.read_text() == text:
        return
    temporary = CONFIGURATION.with_suffix(".new")
    temporary.write_text(text)
    temporary.rename(CONFIGURATION)


def look(me: str) -> int:
    """Write what the nodes ask for now, and return how many there are."""
    nodes = get_nodes()
    for node in nodes:
        found = ways(node)
        if node["metadata"]["name"] == me:
            if found:
                write(configuration([pods for pods, _ in found]))
            continue
        for pods, address in found:
            family = "-6" if ":" in pods else "-4"
            subprocess.run(
                ["ip", family, "route", "replace", pods, "via", address],
                check=True,
            )
    return len(nodes)


def main() -> None:
    """Look again and again: nodes join, and one that is new is waited for least."""
    me, known, quiet = os.environ["NODE_NAME"], 0, 0
    while True:
        try:
            count = look(me)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"again, after {error}", flush=True)  # noqa: T201 - the pod's log
            count = 0
        quiet = quiet + 1 if count and count == known else 0
        known = count
        time.sleep(EVERY if quiet > 60 else AGAIN)


if __name__ == "__main__":
    main()
