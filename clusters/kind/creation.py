"""How a kind cluster comes into being: namespaces, dockerd, kind, our pods, the build."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from clusters.embedded import labclient, rundir
from clusters.errors import TestbedError
from clusters.existing.api import ready_nodes
from clusters.kind import cgroups, config, daemon
from clusters.kind.place import HostKernel, UserModeKernel
from clusters.kind.provider import KindCluster, server_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.kind.image import NodeImage
    from clusters.kind.place import Place
    from clusters.parts.image_archive import ImageArchive
    from clusters.protocol import Family, ProxySpec

CREATED_WITHIN = 300.0
POLL = 0.1
GIBIBYTES, GIBIBYTES_A_NODE = 2, 1
"""Memory of a user-mode kernel: a control plane, and for each node what its pods take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a kind cluster is made of."""

    kind: Path
    tools: Path
    node_image: NodeImage
    preloaded: Path
    spec: ProxySpec
    family: Family
    nodes: int
    logs: Path
    agent_image: str = ""
    first_sync: float = 20.0
    slow_factor: float = 1.0
    images: Mapping[Path, ImageArchive] = field(default_factory=dict)
    """The images that builds came in, by the builds' programs."""

    kernel: Path | None = None
    disk: Path | None = None
    """A user-mode kernel, and the disk it starts from; None for this machine's own kernel."""


class Creation:
    """Brings a cluster up, step by step, each step timed."""

    def __init__(self, plan: Plan, note: Callable[[str], None] = lambda _text: None) -> None:
        self.plan = plan
        self.note = note
        self.directory = rundir.new()
        self.started = time.monotonic()
        self.steps: list[tuple[str, float]] = []
        self.slow_factor = plan.slow_factor

    def create(self) -> KindCluster:
        """Return the cluster when its kube-proxies run the build and have synced."""
        for run in cgroups.left_behind({path.name for path in rundir.running()}):
            cgroups.remove(run)
        mountinfo = Path("/proc/self/mountinfo").read_text()
        pid = labclient.start(self.directory)
        rundir.write_pid(self.directory, pid)
        lab = labclient.LabClient(self.directory)
        lab.ask("own")
        labclient.join_network(pid)
        try:
            cluster = self._build(lab, self._place(lab, mountinfo))
        except BaseException:
            lab.close()
            rundir.wait_gone(self.directory)
            cgroups.remove(self.directory.name)
            raise
        cluster.steps = self.steps
        return cluster

    def _place(self, lab: labclient.LabClient, mountinfo: str) -> Place:
        """Return where the containers will be, not open yet."""
        plan = self.plan
        if plan.kernel is None or plan.disk is None:
            return HostKernel(lab, self.directory, mountinfo)
        return UserModeKernel(
            lab,
            self.directory,
            plan.logs,
            program=plan.kernel,
            image=plan.disk,
            memory=GIBIBYTES + GIBIBYTES_A_NODE * plan.nodes,
        )

    def _build(self, lab: labclient.LabClient, place: Place) -> KindCluster:
        plan = self.plan
        plan.logs.mkdir(parents=True, exist_ok=True)
        self.slow_factor = plan.slow_factor * place.slowness
        place.open()
        data, states = place.lay_out(plan.node_image, plan.nodes)
        self._start_daemon(place.runner, data, cgroup_v1=place.cgroup_v1)
        self._step("dockerd")
        configuration = config.render(
            image=plan.node_image.name,
            mode=plan.spec.mode,
            family=plan.family,
            overlay=plan.spec.config,
            states=states,
            cgroup_v1=place.cgroup_v1,
        )
        path = plan.logs.parent / "kind.yaml"
        path.write_text(yaml.safe_dump(configuration, sort_keys=False))
        self._kind(place.runner, path)
        self._step("kind")
        self._point_at_control_plane(place.runner)
        cluster = KindCluster(
            lab,
            place,
            self.directory,
            plan.logs,
            kind=plan.kind,
            tools=plan.tools,
            node_image=plan.node_image,
            agent_image=plan.agent_image,
            first_sync=plan.first_sync,
            slow_factor=self.slow_factor,
        )
        try:
            self._furnish(cluster)
        except BaseException:
            self._export(cluster)
            raise
        return cluster

    def _furnish(self, cluster: KindCluster) -> None:
        """Put our pods and the build into the cluster."""
        plan = self.plan
        self._wait_nodes(cluster)
        self._step("nodes")
        cluster.preload(plan.preloaded)
        for program, image in plan.images.items():
            cluster.load(image, program)
        cluster.run_build(plan.spec)
        cluster.enter(plan.spec)
        self._step("access to nodes")
        cluster.proxies.daemon_set.wait_rolled_out()
        for node in cluster.existing_nodes:
            cluster.proxies.wait_synced(node)
        cluster.prove(plan.spec)
        self._step("kube-proxy synced")
        cluster.join_outside(max(2, plan.nodes))
        cluster.save()

    def _export(self, cluster: KindCluster) -> None:
        try:
            cluster.export_logs()
        except TestbedError as error:
            self.note(f"no logs from kind: {error}")

    def _step(self, name: str) -> None:
        seconds = time.monotonic() - self.started
        self.steps.append((name, seconds))
        self.note(f"{name} ready after {seconds:.1f} s")

    # -------------------------------------------------------------------- docker

    def _start_daemon(self, lab: labclient.LabClient, data: Path, *, cgroup_v1: bool) -> None:
        plan = self.plan
        lab.must(["mkdir", "-p", "/run/lock"])
        settings = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        lab.must(["sysctl", "-qw", *settings])
        status = lab.must(["cat", "/proc/self/status"])
        argv = daemon.command(
            plan.tools,
            data=data,
            runtime=daemon.write_runtime(self.directory, plan.tools, status),
            cgroup=cgroups.parent(self.directory.name) if cgroup_v1 else "",
        )
        self.environment = daemon.environment(plan.tools, self.directory)
        lab.spawn("dockerd", argv, log=plan.logs / "dockerd.log", env=self.environment)
        deadline = time.monotonic() + daemon.UP_WITHIN * self.slow_factor
        # The socket is there before dockerd answers, and who asks then is answered when it can.
        version = f"test -S {daemon.SOCKET} && exec docker version"
        while lab.run(self._command("sh", "-c", version), timeout=20).status:
            if lab.status("dockerd") is not None or time.monotonic() > deadline:
                tail = (plan.logs / "dockerd.log").read_text(errors="replace").splitlines()[-1:]
                raise TestbedError(f"dockerd does not start: {''.join(tail)}")
            time.sleep(POLL)

    def _command(self, *argv: str) -> list[str]:
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        return ["env", *pairs, *argv]

    # -------------------------------------------------------------------- kind

    def _kind(self, lab: labclient.LabClient, path: Path) -> None:
        """Have kind create the cluster, telling its steps as they come."""
        plan = self.plan
        log = plan.logs / "kind.log"
        argv = [str(plan.kind), "create", "cluster", "--config", str(path), "--retain"]
        argv += ["--kubeconfig", str(self.directory / "kubeconfig")]
        lab.spawn("kind", argv, log=log, env=self.environment)
        deadline = time.monotonic() + CREATED_WITHIN * self.slow_factor
        told = 0
        while True:
            status = lab.wait("kind", 1.0)
            lines = log.read_text(errors="replace").splitlines()
            for line in lines[told:]:
                if line.strip().startswith("•"):
                    self.note(f"kind: {line.strip(' •.…')}")
            told = len(lines)
            if status == 0:
                return
            if status is not None or time.monotonic() > deadline:
                self._keep_node_logs(lab)
                errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
                how = "failed" if status is not None else "is not done in time"
                raise TestbedError(f"kind {how}: {' '.join(errors)[:300]}; see {log}")

    def _keep_node_logs(self, lab: labclient.LabClient) -> None:
        argv = [str(self.plan.kind), "export", "logs", str(self.plan.logs / "kind")]
        argv += ["--name", config.NAME]
        log = self.plan.logs / "kind-export.log"
        lab.spawn("export", argv, log=log, env=self.environment)
        lab.wait("export", 60.0)

    def _point_at_control_plane(self, lab: labclient.LabClient) -> None:
        """Have the kubeconfig name the container itself: no port is published on the way."""
        shown = lab.must(self._command("docker", "inspect", f"{config.NAME}-control-plane"))
        path = self.directory / "kubeconfig"
        read = yaml.safe_load(path.read_text())
        for entry in read["clusters"]:
            entry["cluster"]["server"] = server_of(json.loads(shown)[0], self.plan.family)
        path.write_text(yaml.safe_dump(read))
        path.chmod(0o600)

    def _wait_nodes(self, cluster: KindCluster) -> None:
        deadline = time.monotonic() + CREATED_WITHIN * self.slow_factor
        while len(ready_nodes(cluster.kube)) < self.plan.nodes:
            if time.monotonic() > deadline:
                raise TestbedError(f"not all {self.plan.nodes} nodes are ready")
            time.sleep(POLL)
