"""Pods of an embedded node: network namespaces with the probe agent inside.

This worker stays single-threaded and has the agent loaded, so a pod is a fork and never an exec:
in a user-mode kernel starting an interpreter costs more than everything else a pod needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import socket
import subprocess
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from clusters.embedded import namespaces
from clusters.embedded.guest.control import listen_in
from fixtures.agent import agent

NODE_AGENT_PORT = 7001
FIRST_PORT = 7100
FIRST_HOST = 10
LAST_HOST = 250


class Pod:
    """A running pod: its process, addresses and control port."""

    def __init__(self, pid: int, ips: dict[str, str], port: int) -> None:
        self.pid = pid
        self.ips = ips
        self.port = port


class Pods:
    """Starts, stops and counts the node's pods."""

    def __init__(self, config: dict[str, Any], management: int) -> None:
        self.config = config
        self.management = management
        self.pods: dict[str, Pod] = {}
        self.next_host = FIRST_HOST
        self.next_port = FIRST_PORT

    def addresses(self) -> dict[str, str]:
        """Take the next free host number; a number comes round again only after all others."""
        used = {pod.ips["ipv4"] for pod in self.pods.values()}
        for _ in range(LAST_HOST - FIRST_HOST):
            number = self.next_host
            self.next_host = number + 1 if number < LAST_HOST else FIRST_HOST
            ips = {
                family: str(ip_network(cidr)[number])
                for family, cidr in self.config["pod_cidr"].items()
            }
            if ips["ipv4"] not in used:
                return ips
        raise OSError("no pod address is free")

    def port(self, wanted: int) -> int:
        """Take the port that a pod had before the node's power was cut, or the next."""
        taken = {pod.port for pod in self.pods.values()}
        port = wanted if wanted and wanted not in taken else self.next_port
        self.next_port = max(self.next_port, port + 1)
        return port

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a pod and return its addresses and control port."""
        host = request["host_network"]
        ips = self.config["addresses"] if host else self.addresses()
        port = self.port(request["port"])
        control = listen_in(self.management, self.config["management_address"], port)
        identity = f"{request['namespace']}/{request['name']}"
        ready, go = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ready.close()
            self._be_pod(identity, request, control, go, ips)
        go.close()
        control.close()
        if not host:
            _await(ready, identity)
            self._connect(pid, port)
            ready.send(b"g")
        _await(ready, identity)
        ready.close()
        self.pods[request["uid"]] = Pod(pid, ips, port)
        return {"ips": ips, "port": port}

    def _be_pod(
        self,
        identity: str,
        request: dict[str, Any],
        control: socket.socket,
        go: socket.socket,
        ips: dict[str, str],
    ) -> None:
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if not request["host_network"]:
                namespaces.unshare(namespaces.NEWNET)
                go.send(b"n")
                go.recv(1)
                self._configure(ips)

            def served() -> None:
                with contextlib.suppress(OSError):
                    go.send(b"u")
                go.close()

            arguments = ["--control-fd", str(control.fileno()), "--pod", identity]
            agent.main([*arguments, "--node", self.config["name"], *request["args"]], served)
        except BaseException as error:  # noqa: BLE001 - the console says why a pod died
            print(f"pod {identity}: {error!r}", flush=True)  # noqa: T201
        finally:
            os._exit(1)

    def _connect(self, pid: int, number: int) -> None:
        _batch(
            f"link add veth{number} type veth peer name eth0 netns {pid}\n"
            f"link set veth{number} master cni0 up\n"
            f"link set veth{number} type bridge_slave hairpin on\n"
        )

    def _configure(self, ips: dict[str, str]) -> None:
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("60000 65535")
        gateway = self.config["pod_gateway"]
        _batch(
            "link set lo up\n"
            f"addr add {ips['ipv4']}/24 dev eth0\n"
            f"addr add {ips['ipv6']}/64 dev eth0 nodad\n"
            "link set eth0 up\n"
            f"route add default via {gateway['ipv4']}\n"
            f"route add default via {gateway['ipv6']}\n"
        )

    def signal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Signal a pod's process."""
        if pod := self.pods.get(request["uid"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pod.pid, request["signal"])
        return {}

    def alive(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tell whether a pod still runs."""
        return {"alive": request["uid"] in self.pods}

    def reap(self) -> None:
        """Forget pods whose process has ended; their namespace and links went with it."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, _ = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.pods = {uid: pod for uid, pod in self.pods.items() if pod.pid != pid}

    def answer(self, line: bytes) -> dict[str, Any]:
        """Carry out one request; every failure is an answer."""
        request = json.loads(line)
        try:
            self.reap()
            operations = {"create": self.create, "signal": self.signal, "alive": self.alive}
            return operations[request["op"]](request)
        except Exception as error:  # noqa: BLE001 - the kubelet stand-in reports it
            return {"error": f"{type(error).__name__}: {error}"}


def _await(ready: socket.socket, identity: str) -> None:
    """Wait for a pod's next step: its network is there, or its ports are open."""
    if not ready.recv(1):
        raise OSError(f"pod {identity} ended before it was ready")


def _batch(script: str) -> None:
    done = subprocess.run(
        ["ip", "-batch", "-"], input=script, text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise OSError(f"ip {shlex.quote(script)}: {done.stderr.strip()}")


def serve_node(config: dict[str, Any], management: int) -> None:
    """Fork the agent that probes from the node's own namespace."""
    control = listen_in(management, config["management_address"], NODE_AGENT_PORT)
    if os.fork() == 0:
        os.setsid()
        name = config["name"]
        agent.main(["--control-fd", str(control.fileno()), "--pod", f"/{name}", "--node", name])
        os._exit(1)
    control.close()


def serve(config: dict[str, Any], requests: socket.socket, management: int) -> None:
    """Answer the kubelet stand-in until the node ends."""
    serve_node(config, management)
    pods = Pods(config, management)
    wake, woken = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    stream = requests.makefile("rb")
    while True:
        ready = select.select([requests.fileno(), wake], [], [])[0]
        if wake in ready:
            os.read(wake, 4096)
            pods.reap()
        if requests.fileno() in ready:
            line = stream.readline()
            if not line:
                return
            requests.sendall(json.dumps(pods.answer(line)).encode() + b"\n")
