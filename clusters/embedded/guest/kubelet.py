"""A stand-in for the kubelet: what the rest of Kubernetes sees of a node, without containers.

It registers the Node, renews its Lease, runs the pods bound to the node, reports their readiness
(readiness gates included) and honours graceful termination, so that EndpointSlices come from the
real controller and a dead node really goes NotReady.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded.guest.api import MERGE, Api, Gone
from clusters.embedded.guest.pod_status import agent_port, conditions, now

if TYPE_CHECKING:
    import socket

LEASE_SECONDS = 16
RENEW_SECONDS = 2.0
RETRY_SECONDS = 0.1
POLL_SECONDS = 0.02
ENDED = ("Failed", "Succeeded")


class Renewals:
    """The times of a Lease's renewals, which go on where the node's clock is stepped.

    A renewal from the future would be the latest one until then: the node controller takes no later
    one for news, and since 1.37 leaves the node as it was (NodeControllerLeaseCircuitBreaker).
    """

    def __init__(self) -> None:
        self.ahead = time.time() - time.monotonic()

    def next(self) -> str:
        """Return the time of a renewal as the API writes it (MicroTime)."""
        at = dt.datetime.fromtimestamp(self.ahead + time.monotonic(), dt.timezone.utc)  # noqa: UP017
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class PodWorker:
    """Asks the pods' own process; several threads take turns."""

    def __init__(self, requests: socket.socket) -> None:
        self.socket = requests
        self.stream = requests.makefile("rb")
        self.lock = threading.Lock()

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Make one request; raises OSError with the reason."""
        with self.lock:
            self.socket.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
            reply: dict[str, Any] = json.loads(self.stream.readline())
        if "error" in reply:
            raise OSError(reply["error"])
        return reply


class Kubelet:
    """Registers the node and runs its pods."""

    def __init__(self, config: dict[str, Any], requests: socket.socket) -> None:
        self.config = config
        self.name = config["name"]
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.worker = PodWorker(requests)
        self.started: dict[str, dict[str, Any]] = {}
        self.ending: set[str] = set()

    def log(self, message: str) -> None:
        """Write a line to the node's console."""
        print(f"kubelet: {message}", file=sys.stderr, flush=True)  # noqa: T201

    def register(self, api: Api) -> None:
        """Create the Node, or take over the one that is there, and report it Ready."""
        cidrs = list(self.config["pod_cidr"].values())
        labels = {
            "kubernetes.io/hostname": self.name,
            "kubernetes.io/os": "linux",
            "topology.kubernetes.io/zone": self.config["zone"],
        }
        node = {
            "kind": "Node",
            "apiVersion": "v1",
            "metadata": {"name": self.name, "labels": labels},
            "spec": {"podCIDR": cidrs[0], "podCIDRs": cidrs},
        }
        with contextlib.suppress(Gone):
            api.call("POST", "/api/v1/nodes", node)
        addresses = [
            {"type": "InternalIP", "address": a} for a in self.config["addresses"].values()
        ]
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "lastHeartbeatTime": now(),
            "lastTransitionTime": now(),
        }
        addresses.append({"type": "Hostname", "address": self.name})
        # Merged by type otherwise, of which there are two alike on a node that is there already.
        replaced = [{"$patch": "replace"}, *addresses]
        status = {"addresses": replaced, "conditions": [ready]}
        api.patch(f"/api/v1/nodes/{self.name}/status", {"status": status})

    def renew(self) -> None:
        """Renew the node's Lease for ever, and its Ready condition when it was taken away."""
        api = Api(self.config)
        base = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        registered, renewals = False, Renewals()
        while True:
            try:
                if not registered:
                    self.register(api)
                    registered = True
                spec = {
                    "holderIdentity": self.name,
                    "leaseDurationSeconds": LEASE_SECONDS,
                    "renewTime": renewals.next(),
                }
                try:
                    api.call("PATCH", f"{base}/{self.name}", {"spec": spec}, MERGE)
                except Gone:
                    lease = {"metadata": {"name": self.name}, "spec": spec}
                    api.call("POST", base, lease)
                self.heal(api)
                time.sleep(RENEW_SECONDS)
            except (OSError, Gone) as error:
                self.log(f"lease: {error}")
                api.close()
                time.sleep(RETRY_SECONDS)

    def heal(self, api: Api) -> None:
        """Report Ready again after the node controller has taken the node for dead."""
        node = api.call("GET", f"/api/v1/nodes/{self.name}")
        ready = [c["status"] for c in node["status"].get("conditions", []) if c["type"] == "Ready"]
        if ready != ["True"]:
            self.register(api)

    def start(self, pod: dict[str, Any]) -> None:
        """Run a pod and report it; a failure is reported as the pod's."""
        meta, spec = pod["metadata"], pod["spec"]
        host = bool(spec.get("hostNetwork"))
        container = spec["containers"][0]
        try:
            made = self.worker.ask(
                "create",
                uid=meta["uid"],
                name=meta["name"],
                namespace=meta["namespace"],
                args=container.get("args", []),
                host_network=host,
                port=agent_port(pod),
            )
        except OSError as error:
            self.log(f"pod {meta['name']}: {error}")
            status = {"phase": "Failed", "reason": "StartError", "message": str(error)}
            with Api(self.config) as api:
                api.patch(self.path(pod) + "/status", {"status": status})
            return
        self.started[meta["uid"]] = made
        self.report(pod, made)

    def report(self, pod: dict[str, Any], made: dict[str, Any]) -> None:
        """Write the pod's status where it differs from what is there."""
        changed = conditions(pod, running=True)
        have = pod.get("status", {})
        addresses = list(made["ips"].values())
        annotations = {
            "proxyproof.dev/agent": self.agent(made),
            "proxyproof.dev/boot": self.boot,
        }
        same = pod["metadata"].get("annotations", {}).items() >= annotations.items()
        if not changed and same and have.get("phase") == "Running":
            return
        status = {
            "phase": "Running",
            "podIP": addresses[0],
            # Merged by address otherwise, so that a pod that runs again would keep its old ones.
            "podIPs": [{"$patch": "replace"}, *({"ip": a} for a in addresses)]
            if have.get("podIPs")
            else [{"ip": a} for a in addresses],
            "hostIP": self.config["addresses"]["ipv4"],
            "hostIPs": [{"ip": a} for a in self.config["addresses"].values()],
            "startTime": have.get("startTime") or now(),
            "conditions": changed,
        }
        body = {
            "metadata": {"annotations": annotations},
            "status": status,
        }
        with contextlib.suppress(Gone), Api(self.config) as api:
            api.patch(self.path(pod) + "/status", body)

    def agent(self, made: dict[str, Any]) -> str:
        """Return where the pod's agent is controlled."""
        return f"{self.config['management_address']}:{made['port']}"

    def path(self, pod: dict[str, Any]) -> str:
        """Return the pod's URL path."""
        meta = pod["metadata"]
        return f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"

    def end(self, pod: dict[str, Any]) -> None:
        """Terminate with grace, then let the API server forget the pod."""
        meta = pod["metadata"]
        grace = meta.get("deletionGracePeriodSeconds") or 0
        deadline = time.monotonic() + grace
        self.worker.ask("signal", uid=meta["uid"], signal=int(signal.SIGTERM))
        while time.monotonic() < deadline:
            if not self.worker.ask("alive", uid=meta["uid"])["alive"]:
                break
            time.sleep(POLL_SECONDS)
        self.worker.ask("signal", uid=meta["uid"], signal=int(signal.SIGKILL))
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        while True:
            try:
                with Api(self.config) as api:
                    api.call("DELETE", self.path(pod), body)
            except Gone:
                pass
            except OSError as error:
                self.log(f"pod {meta['name']} has ended: {error}")
                time.sleep(RENEW_SECONDS)
                continue
            return

    def in_background(self, work: Any, pod: dict[str, Any]) -> None:
        """Run `work` on a pod without holding up the watch."""

        def careful() -> None:
            try:
                work(pod)
            except Exception:  # noqa: BLE001 - the console says what happened to the pod
                self.log(f"{pod['metadata']['name']}: {traceback.format_exc()}")

        threading.Thread(target=careful, daemon=True).start()

    def see(self, kind: str, pod: dict[str, Any]) -> None:
        """Act on what a watch event says of a pod."""
        uid = pod["metadata"]["uid"]
        if kind == "DELETED":
            self.worker.ask("signal", uid=uid, signal=int(signal.SIGKILL))
        elif pod["metadata"].get("deletionTimestamp"):
            if uid not in self.ending:
                self.ending.add(uid)
                self.in_background(self.end, pod)
            if uid in self.started:
                # Readiness is told to the end: a terminating endpoint may stop serving (KEP-1669).
                self.report(pod, self.started[uid])
        elif pod.get("status", {}).get("phase") in ENDED:
            # A pod that has ended, or was evicted, does not come back (pod_workers.go in k/k).
            return
        elif uid in self.started:
            self.report(pod, self.started[uid])
        else:
            # One that runs by its status ran before the node lost its power: it runs again, as a
            # kubelet restarts it, with the next free address.
            self.start(pod)

    def watch(self) -> None:
        """List, then watch, the pods bound to this node, for ever."""
        selector = f"fieldSelector=spec.nodeName%3D{self.name}"
        api = Api(self.config)
        while True:
            try:
                listed = api.call("GET", f"/api/v1/pods?{selector}")
                for pod in listed["items"]:
                    self.see("ADDED", pod)
                version = listed["metadata"]["resourceVersion"]
                stream = api.open(
                    "GET",
                    f"/api/v1/pods?watch=1&{selector}&resourceVersion={version}&timeoutSeconds=300",
                )
                api.connection.sock.settimeout(330)  # type: ignore[union-attr]
                for line in stream:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    self.see(event["type"], event["object"])
            except (OSError, Gone, http.client.HTTPException) as error:
                self.log(f"watch: {error}")
                time.sleep(RETRY_SECONDS)
            api.close()


def serve(config: dict[str, Any], requests: socket.socket) -> None:
    """Register and watch until the node ends."""
    while not Path(config["api_ready"]).exists():
        time.sleep(POLL_SECONDS)
    kubelet = Kubelet(config, requests)
    threading.Thread(target=kubelet.renew, daemon=True).start()
    kubelet.watch()
