"""A node of the embedded cluster: a user-mode kernel, or namespaces of the machine's kernel."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from clusters.embedded import addresses, network, processors
from clusters.embedded.nodecontrol import NodeControl
from clusters.errors import TestbedError
from clusters.protocol import AgentAddress, ProxySpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.embedded.labclient import LabClient

KernelKind = Literal["uml", "host"]

UP_WITHIN = 30.0
INIT = Path(__file__).resolve().parent / "guest" / "init.py"
ZONES = ("zone-a", "zone-b", "zone-c")


class EmbeddedNode:
    """One node; its cluster starts it, and starts and stops kube-proxy on it."""

    def __init__(
        self, lab: LabClient, index: int, spec: ProxySpec, directory: Path, logs: Path
    ) -> None:
        self.lab = lab
        self.index = index
        self.name = f"node-{index}"
        self.spec = spec
        self.directory = directory / self.name
        self.logs = logs / self.name
        self.plan = addresses.NodeAddresses(index)
        self.kernel = ""
        self.proxy_wanted = False
        self.control = NodeControl(self.name, self.plan.management, addresses.NODE_CONTROL_PORT)

    @property
    def addresses(self) -> Mapping[str, str]:
        """The Node's InternalIP of each family."""
        return self.plan.node

    @property
    def agent(self) -> AgentAddress:
        """The probe agent in the node's own network namespace."""
        return AgentAddress(self.plan.management, addresses.NODE_AGENT_PORT)

    @property
    def proxy_log(self) -> Path:
        """What the present kube-proxy, and those before it, wrote."""
        return self.logs / "kube-proxy.log"

    @property
    def zone(self) -> str:
        """The zone that the node registers with."""
        return ZONES[(self.index - 1) % len(ZONES)]

    def config(self, kind: KernelKind, shared: Mapping[str, Any], count: int) -> dict[str, Any]:
        """Return all that the node's first process has to know."""
        links = network.node_links(self.index)
        peers = [addresses.NodeAddresses(i) for i in range(1, count + 1) if i != self.index]
        interfaces = ("vec0", "vec1") if kind == "uml" else (links["node"], links["management"])
        return {
            **shared,
            "name": self.name,
            "kernel": kind,
            "interface": interfaces[0],
            "management_interface": interfaces[1],
            "management_address": self.plan.management,
            "addresses": self.plan.node,
            "gateway": addresses.API_SERVER,
            "pod_cidr": self.plan.pod_cidr,
            "pod_gateway": self.plan.pod_gateway,
            "peers": [{"pod_cidr": p.pod_cidr, "addresses": p.node} for p in peers],
            "zone": self.zone,
        }

    def power_on(
        self, kind: KernelKind, kernel: Path | None, config: dict[str, Any], neighbours: int = 0
    ) -> None:
        """Start the node, on the machine with `neighbours` other clusters; it is not up yet then.

        Their first nodes, which are asked most, would all be on one processor otherwise.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        described = self.directory / "node.json"
        described.write_text(json.dumps(config))
        described.chmod(0o600)
        argv = (
            self._uml(kernel, described)
            if kind == "uml" and kernel
            else [sys.executable, "-S", "-m", "clusters.embedded.hostnode", str(described)]
        )
        environment = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.directory.parent / "memory"),
            "HOME": "/",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(INIT.parents[3]),
        }
        processor = processors.nth(self.index + neighbours) if kind == "uml" else None
        switch = {"argv": argv, "env": environment, "processor": processor}
        self._switch.write_text(json.dumps(switch))
        self._start(argv, environment, processor)

    @property
    def _switch(self) -> Path:
        """What a later power-on needs, also in a run that took the cluster over."""
        return self.directory / "power.json"

    def power_on_again(self) -> None:
        """Start the node as it was started before; it is not up yet then."""
        switch = json.loads(self._switch.read_text())
        # A machine that was cut off leaves its name taken; kernels look for that here.
        self.lab.run(["rm", "-rf", f"{self.directory.parent / 'memory'}/{self.name}"])
        self._start(switch["argv"], switch["env"], switch["processor"])

    def _start(self, argv: list[str], environment: dict[str, str], processor: int | None) -> None:
        log = self.logs / "console.log"
        self.lab.spawn(self.name, argv, log=log, env=environment, processor=processor)

    def _uml(self, kernel: Path, described: Path) -> list[str]:
        interpreter = os.path.realpath(sys.executable)
        init = self.directory / "init"
        init.write_text(
            f"#!/bin/sh\nPROXYPROOF_NODE={described} exec {interpreter} -I -S -B {INIT}\n"
        )
        init.chmod(0o755)
        links = network.node_links(self.index)
        return [
            # All nodes work at the same moment, at every change; the first is asked most, so it
            # goes first where they share a processor.
            *("nice", "-n", str(min(3 * (self.index - 1), 15))),
            str(kernel),
            "seccomp=on",
            "mem=1G",
            f"umid={self.name}",
            f"uml_dir={self.directory.parent / 'memory'}/",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "rw",
            f"init={init}",
            "con=null",
            "con0=null,fd:1",
            "quiet",
            "panic=-1",
            # As that of a real card, the hardware address outlives a boot; the kernel would make
            # one up each time, and who knew the node would not reach it for half a minute.
            f"vec0:transport=raw,ifname={links['node']},depth=64,mac={self._mac(0)}",
            f"vec1:transport=raw,ifname={links['management']},depth=64,mac={self._mac(1)}",
        ]

    def _mac(self, card: int) -> str:
        return f"02:00:00:00:{self.index:02x}:{card:02x}"

    def wait_up(self) -> None:
        """Wait until the node takes commands; raises `TestbedError` with its console's end."""
        try:
            answer = self.control.wait_up(UP_WITHIN, lambda: self.lab.status(self.name) is None)
            self.kernel = str(answer["kernel"])
        except TestbedError as error:
            raise TestbedError(f"{error}; console: {self._console()}") from error

    def waited(self) -> float:
        """Seconds that it was ready to run and the machine had no processor for it, so far."""
        return self.lab.waited(self.name)

    def power_off(self) -> None:
        """Cut the node's power: nothing in it gets to do anything more."""
        self.lab.signal(self.name, signal.SIGKILL)
        self.lab.wait(self.name, 5.0)
        self.control.forget_all()

    def tail(self, lines: int = 15) -> str:
        """Return the last lines that kube-proxy wrote since it was started last."""
        if not self.proxy_log.exists():
            return ""
        text = self.proxy_log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _console(self) -> str:
        path = self.logs / "console.log"
        if not path.exists():
            return "(empty)"
        return " | ".join(path.read_text(errors="replace").splitlines()[-4:])
