"""`python -m benchmarks.first_answer`: from nothing to the first answers of a new cluster.

Seconds from the start of the process: what Python imports is in them. The parts have to be in the
cache (`python -m clusters prepare`). The first Service is the API server's own, that every cluster
has; the second has a pod on each node. Each is asked for from the first node, by its own packets.
"""

from __future__ import annotations

import time

STARTED = time.monotonic()

# ruff: noqa: E402 - the imports are what is measured first
import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters import providers
from clusters.errors import TestbedError
from clusters.kube import Kube
from clusters.parts.progress import Recorder
from clusters.protocol import MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster

LATE = 60.0
POLL = 0.02
NAMESPACE = "first-answer"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"


def now() -> float:
    """Return the seconds since the start."""
    return time.monotonic() - STARTED


def until(done: Callable[[], bool], what: str) -> float:
    """Wait and return when it was so; raises `TestbedError` after `LATE` seconds."""
    deadline = time.monotonic() + LATE
    while not done():
        if time.monotonic() > deadline:
            raise TestbedError(f"{what}: not within {LATE:g} s")
        time.sleep(POLL)
    return now()


def answers(cluster: Cluster, address: str, port: int) -> bool:
    """Tell whether the first node is connected to an address within 0.2 s."""
    connect = f"timeout 0.2 bash -c 'exec 3<>/dev/tcp/{address}/{port}'"
    return cluster.run(cluster.nodes[0], ["bash", "-c", connect], timeout=5).status == 0


def pod(name: str, node: str) -> dict[str, Any]:
    """Return a pod that takes connections."""
    container = {"name": "agent", "image": "agent", "args": ["--serve", "tcp:8080"]}
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec}


def measure(mode: str, nodes: int, build: str) -> None:
    """Bring a cluster up and print when it came to what."""
    provider = providers.find("embedded")
    request = providers.Request(build=build, mode=mode, nodes=nodes)  # type: ignore[arg-type]
    parts = provider.prepare(request, Recorder())
    times = {"parts": now()}
    with tempfile.TemporaryDirectory() as logs:
        cluster = provider.bring_up(request, parts, Path(logs), lambda _text: None).cluster
        try:
            times["kube-proxy synced"] = now()
            kube = Kube(cluster.api)
            own = kube.get("/api/v1/namespaces/default/services/kubernetes")["spec"]["clusterIP"]
            times["first Service"] = until(lambda: answers(cluster, own, 443), "kubernetes")
            kube.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
            for node in cluster.nodes:
                kube.create(PODS, pod(f"web-{node.name}", node.name))
            ports = [{"port": 80, "targetPort": 8080}]
            spec = {"selector": {"app": "web"}, "ports": ports}
            made = kube.create(SERVICES, {"metadata": {"name": "web"}, "spec": spec})
            address = made["spec"]["clusterIP"]
            times["Service of new pods"] = until(lambda: answers(cluster, address, 80), "web")
        finally:
            cluster.close()
    print("; ".join(f"{name} {seconds:.2f}" for name, seconds in times.items()))  # noqa: T201


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure several times, each in a process of its own, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_answer", description=__doc__)
    parser.add_argument("--mode", action="append", choices=MODES, help="default: each")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5, help="how often, the modes in turns")
    parser.add_argument("--build", default="v1.37.2")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    modes = options.mode or list(MODES)
    if options.once:
        measure(modes[0], options.nodes, options.build)
        return 0
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    for mode in modes * options.runs:
        asked = ["--once", "--mode", mode, "--nodes", str(options.nodes), "--build", options.build]
        argv = [sys.executable, "-m", "benchmarks.first_answer", *asked]
        said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        print(f"{mode}: {said}", flush=True)  # noqa: T201
        pairs = [entry.rpartition(" ") for entry in said.split("; ")]
        found[mode].append({name: float(seconds) for name, _, seconds in pairs})
    for mode, runs in found.items():
        middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        shown = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in middle.items())
        print(f"{mode}, {options.nodes} nodes, median of {len(runs)}: {shown}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
