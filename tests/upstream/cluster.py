"""Upstream's test binary on a kind cluster that a run of the suites has left up."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from clusters.embedded import labclient, namespaces, rundir
from clusters.embedded.labclient import LabClient
from clusters.errors import TestbedError
from clusters.kind import daemon
from clusters.kind.config import NAME
from clusters.kind.place import GuestClient
from tests.upstream import mapping
from tests.upstream.parts import without

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.upstream.parts import Parts

LOADED_WITHIN = 300.0
READY_WITHIN = 180.0
ENDED_WITHIN = 3 * 3600.0
LOOK_EVERY = 5.0
CONTROL_PLANE = f"{NAME}-control-plane"
TAINT = "node-role.kubernetes.io/control-plane"

_SPEC_ENDED = re.compile(r"^• ", re.MULTILINE)


def _in_kernel(directory: Path) -> LabClient:
    """Connect to the lab in a cluster's own kernel, which only the run's network leads to."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        labclient.join_network(rundir.read_pid(directory))
        try:
            return GuestClient(directory)
        finally:
            namespaces.enter(f"/proc/self/fd/{home}", namespaces.NEWNET)
    finally:
        os.close(home)


class KeptCluster:
    """A kept kind cluster; processes of ours run in its network, where nothing leads out.

    Containers may be in a kernel of their own, and are loaded from there; the tests ask the API
    server, and are as fast as this machine.
    """

    def __init__(self, name: str, parts: Parts, logs: Path, say: Callable[[str], None]) -> None:
        self.directory = rundir.base() / name
        self.parts = parts
        self.logs = logs
        self.say = say
        logs.mkdir(parents=True, exist_ok=True)
        self.lab = self.runner = LabClient(self.directory)
        if (self.directory / "kernel.json").exists():
            self.runner = _in_kernel(self.directory)
        self.environment = daemon.client_environment(parts.tools, self.directory)

    def close(self) -> None:
        """Let go of the cluster."""
        if self.runner is not self.lab:
            self.runner.close()
        self.lab.close()

    def _docker(self, *arguments: str) -> str:
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        return self.runner.must(["env", *environment, "docker", *arguments], timeout=60.0)

    def _kubectl(self, *arguments: str, stdin: str = "", timeout: float = 60.0) -> str:
        kubeconfig = f"--kubeconfig={self.directory / 'kubeconfig'}"
        argv = [str(self.parts.kubectl), kubeconfig, *arguments]
        return self.lab.must(argv, stdin=stdin, timeout=timeout)

    # -------------------------------------------------------------------- what the specs need

    def furnish(self) -> None:
        """Load the images, let pods be put on every node, and start the name server."""
        for image in self.parts.images:
            self._load(image)
        # kind leaves the taint where there are workers, and then half of the specs lack a node.
        self._kubectl("taint", "nodes", "--all", "--overwrite", f"{TAINT}:NoSchedule")
        self._kubectl("taint", "nodes", "--all", f"{TAINT}:NoSchedule-")
        self._start_dns()

    def _load(self, image: Path) -> None:
        began = time.monotonic()
        log = self.logs / "load.log"
        argv = [str(self.parts.kind), "load", "image-archive", str(image), "--name", NAME]
        self.runner.spawn("upstream-load", argv, log=log, env=self.environment)
        status = self.runner.wait("upstream-load", LOADED_WITHIN)
        if status != 0:
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise TestbedError(f"{image.parent.name} was not loaded: {''.join(said)}; see {log}")
        self.say(f"loaded {image.parent.name} in {time.monotonic() - began:.0f} s")

    def _start_dns(self) -> None:
        """Apply kubeadm's own manifests, which the provider leaves out: no case asks for a name."""
        began = time.monotonic()
        phase = ["kubeadm", "init", "phase", "addon", "coredns", "--print-manifest"]
        manifest = self._docker("exec", CONTROL_PLANE, *phase, "--config", "/kind/kubeadm.conf")
        self._kubectl("apply", "-f", "-", stdin=without(manifest))
        rollout = ["-n", "kube-system", "rollout", "status", "deployment/coredns"]
        self._kubectl(*rollout, f"--timeout={READY_WITHIN:.0f}s", timeout=READY_WITHIN + 30)
        self.say(f"CoreDNS ready in {time.monotonic() - began:.0f} s")

    # -------------------------------------------------------------------- the tests

    def run(self, focus: str, skip: str) -> Path:
        """Run the specs, one after another, and return the report; raises TestbedError."""
        report, log = self.logs / "junit_01.xml", self.logs / "e2e.log"
        for old in (report, log):
            old.unlink(missing_ok=True)
        argv = [
            str(self.parts.tests),
            f"--kubeconfig={self.directory / 'kubeconfig'}",
            f"--kubectl-path={self.parts.kubectl}",
            f"--report-dir={self.logs}",
            f"--e2e-output-dir={self.directory / 'memory'}",
            "--provider=skeleton",
            f"--ginkgo.focus={focus}",
            "--ginkgo.no-color",
            "--ginkgo.v",
            f"--ginkgo.timeout={ENDED_WITHIN:.0f}s",
        ]
        if skip:
            argv.append(f"--ginkgo.skip={skip}")
        self.lab.spawn("upstream-e2e", argv, log=log, env=self.environment)
        try:
            self._wait(log)
        finally:
            if self.lab.status("upstream-e2e") is None:
                self.lab.signal("upstream-e2e", 9)
        if not report.exists():
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise TestbedError(f"upstream's tests left no report: {''.join(said)}; see {log}")
        return report

    def _wait(self, log: Path) -> None:
        """Wait for the end of the tests, and tell how many specs have ended."""
        deadline, told = time.monotonic() + ENDED_WITHIN, 0
        meant = sum(not spec.skip for spec in mapping.SPECS)
        while self.lab.wait("upstream-e2e", LOOK_EVERY) is None:
            if time.monotonic() > deadline:
                raise TestbedError(f"upstream's tests did not end; see {log}")
            ended = len(_SPEC_ENDED.findall(log.read_text(errors="replace")))
            if ended >= told + 5:
                told = ended
                self.say(f"upstream: {ended} of some {meant} specs have ended")
