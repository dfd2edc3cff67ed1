"""etcd, kube-apiserver and kube-controller-manager as native processes of the lab."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import ssl
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from clusters.embedded import pki
from clusters.embedded.addresses import (
    API_PORT,
    API_SERVER,
    MANAGEMENT_HOST,
    POD_NETWORK,
    SERVICE_NETWORK,
)
from clusters.errors import TestbedError

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.embedded.labclient import LabClient

READY_WITHIN = 60.0
STOPPED_WITHIN = 10.0
POLL = 0.02
ETCD_PORT = 2379

GOGC = "400"
"""How far Go's heap grows before garbage is collected, in percent: processors are short here, not
memory, and nothing of the control plane is judged."""

# Only what Services, their endpoints and a node's life need. Each controller left out is memory,
# API load and start-up time less.
CONTROLLERS = (
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
    "endpoints-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "replicaset-controller",
    "deployment-controller",
    "serviceaccount-controller",
    "node-lifecycle-controller",
)

# What those, kube-proxy, the API server itself and its admission plugins use. The rest of the API
# would cost a third of the start's processor time, and a list of each kind with every namespace
# that goes.
API_GROUPS = (
    "v1",
    "admissionregistration.k8s.io/v1",
    "apiextensions.k8s.io/v1",
    "apiregistration.k8s.io/v1",
    "apps/v1",
    "authentication.k8s.io/v1",
    "authorization.k8s.io/v1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "events.k8s.io/v1",
    "networking.k8s.io/v1",
    "node.k8s.io/v1",
    "policy/v1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1",
)

# Makes the system's priority classes, which no pod here names, and looks for them a whole second
# after its first failure, which is usual at a start (k/k pkg/registry/scheduling/rest).
NOT_AWAITED = "poststarthook/scheduling/bootstrap-system-priority-classes"


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs a control plane consists of."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path


class ControlPlane:
    """Starts the control plane and knows how to reach it."""

    def __init__(self, lab: LabClient, binaries: Binaries, directory: Path, logs: Path) -> None:
        self.lab = lab
        self.binaries = binaries
        self.directory = directory
        self.logs = logs
        self.ca = directory / "ca.crt"
        self.kubeconfig = directory / "kubeconfig"
        self.url = f"https://{API_SERVER['ipv4']}:{API_PORT}"

    @property
    def token(self) -> str:
        """What the API server takes for the administrator."""
        return self._tokens.read_text().partition(",")[0]

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def _tokens(self) -> Path:
        return self.directory / "tokens.csv"

    def start(self) -> None:
        """Start etcd and the API server; returns before they answer."""
        self.directory.mkdir(exist_ok=True)
        service_addresses = [str(network[1]) for network in SERVICE_NETWORK.values()]
        pki.make(
            self.directory,
            [*API_SERVER.values(), MANAGEMENT_HOST, "127.0.0.1", *service_addresses],
        )
        token = secrets.token_hex(16)
        self._tokens.write_text(f"{token},proxyproof,proxyproof,system:masters\n")
        self._tokens.chmod(0o600)
        self._write_kubeconfig()
        self._spawn("etcd", self._etcd())
        self.start_api_server()

    def start_api_server(self) -> None:
        """Start the API server; returns before it answers."""
        self._spawn("kube-apiserver", self._kube_apiserver())

    def stop_api_server(self) -> None:
        """End the API server as a crash does, and wait until it has ended."""
        self.lab.signal("kube-apiserver", signal.SIGKILL)
        if self.lab.wait("kube-apiserver", STOPPED_WITHIN) is None:
            raise TestbedError(f"kube-apiserver still runs {STOPPED_WITHIN:.0f} s after SIGKILL")

    def wait_ready(self) -> None:
        """Wait until /readyz says ok; raises `TestbedError` with the log's last lines."""
        deadline = time.monotonic() + READY_WITHIN
        while not self._ready():
            for name in ("etcd", "kube-apiserver"):
                if self.lab.status(name) is not None:
                    raise TestbedError(f"{name} ended while starting: {self._tail(name)}")
            if time.monotonic() > deadline:
                raise TestbedError(
                    f"kube-apiserver not ready after {READY_WITHIN:.0f} s: "
                    f"{self._tail('kube-apiserver')}"
                )
            time.sleep(POLL)

    def start_controllers(self) -> None:
        """Start the controller manager; the API server must answer, or it would back off."""
        self._spawn("kube-controller-manager", self._kube_controller_manager())

    def etcd_version(self) -> str:
        """Return the version that the running etcd says it has, such as "3.6.5"."""
        connection = http.client.HTTPConnection("127.0.0.1", ETCD_PORT, timeout=2)
        try:
            connection.request("GET", "/version")
            return str(json.loads(connection.getresponse().read())["etcdserver"])
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            raise TestbedError(f"etcd does not say its version: {error}") from error
        finally:
            connection.close()

    def _ready(self) -> bool:
        return self._ask("GET", f"/readyz?exclude={NOT_AWAITED}") == http.client.OK

    def _ask(self, method: str, path: str, body: str = "") -> int:
        """Return the status of the API server's answer, 0 without one."""
        connection = http.client.HTTPSConnection(
            API_SERVER["ipv4"], API_PORT, timeout=2, context=self._trust
        )
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/merge-patch+json",
        }
        try:
            connection.request(method, path, body or None, headers)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def _spawn(self, name: str, argv: list[str]) -> None:
        environment = {**os.environ, "GOGC": GOGC}
        self.lab.spawn(name, argv, log=self.logs / f"{name}.log", env=environment)

    def _tail(self, name: str) -> str:
        lines = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()
        return " | ".join(lines[-3:])

    def _etcd(self) -> list[str]:
        client, peer = f"http://127.0.0.1:{ETCD_PORT}", "http://127.0.0.1:2380"
        return [
            str(self.binaries.etcd),
            f"--data-dir={self.directory.parent / 'memory' / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def _kube_apiserver(self) -> list[str]:
        where = self.directory
        services = ",".join(str(network) for network in SERVICE_NETWORK.values())
        return [
            str(self.binaries.kube_apiserver),
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={API_SERVER['ipv4']}",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={where / 'server.crt'}",
            f"--tls-private-key-file={where / 'server.key'}",
            f"--token-auth-file={self._tokens}",
            "--authorization-mode=AlwaysAllow",
            f"--runtime-config=api/all=false,{','.join(f'{name}=true' for name in API_GROUPS)}",
            f"--service-cluster-ip-range={services}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={where / 'sa.key'}",
            f"--service-account-signing-key-file={where / 'sa.key'}",
            # Pods here have no tokens to mount, and ServiceAccounts would delay the first pod.
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
            "--enable-priority-and-fairness=false",
            "--shutdown-delay-duration=0s",
        ]

    def _kube_controller_manager(self) -> list[str]:
        return [
            str(self.binaries.kube_controller_manager),
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={self.directory / 'sa.key'}",
            f"--cluster-cidr={','.join(str(network) for network in POD_NETWORK.values())}",
            "--use-service-account-credentials=false",
            "--node-monitor-period=1s",
            "--node-monitor-grace-period=16s",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ]

    def _write_kubeconfig(self) -> None:
        self.kubeconfig.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: proxyproof\n"
            "clusters:\n- name: proxyproof\n  cluster:\n"
            f"    server: {self.url}\n    certificate-authority: {self.ca}\n"
            "users:\n- name: proxyproof\n  user:\n"
            f"    token: {self.token}\n"
            "contexts:\n- name: proxyproof\n"
            "  context: {cluster: proxyproof, user: proxyproof}\n"
        )
        self.kubeconfig.chmod(0o600)
