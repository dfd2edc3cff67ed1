"""A kind cluster: the life of its nodes here, the way into them as into any cluster's."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.embedded import labclient, rundir
from clusters.embedded.enter import enter_command
from clusters.embedded.labclient import LabProcess
from clusters.errors import ConfigError, TestbedError
from clusters.existing.objects import AGENT, SYSTEM_NAMESPACE
from clusters.existing.provider import ExistingCluster
from clusters.hints import clusters_command
from clusters.kind import archives, cgroups, daemon, image, links
from clusters.kind.config import NAME
from clusters.protocol import AgentAddress, Node, ProxySpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.embedded.labclient import LabClient
    from clusters.kind.image import NodeImage
    from clusters.kind.place import Place
    from clusters.parts.image_archive import ImageArchive
    from clusters.protocol import Family, OutsideProcess

OUTSIDE_CONTROL_PORT = 7300
LOADED_WITHIN = 180.0
REMOVED_WITHIN = 60.0
OURS = frozenset(
    {
        "outside-client",
        "outside-route",
        "dual-stack",
        "proxy-restart",
        "disruption",
    }
)


class KindCluster(ExistingCluster):
    """A running kind cluster; see `clusters.protocol.Cluster`."""

    def __init__(
        self,
        lab: LabClient,
        place: Place,
        directory: Path,
        logs: Path,
        *,
        kind: Path,
        tools: Path,
        node_image: NodeImage,
        agent_image: str,
        first_sync: float,
        slow_factor: float,
    ) -> None:
        super().__init__(
            directory / "kubeconfig",
            image=agent_image or image.AGENT_IMAGE,
            first_sync=first_sync,
            disruption=True,
            image_of=self._image_of,
            slow_factor=slow_factor,
        )
        self.capabilities |= OURS
        self.name = directory.name
        self.lab = lab
        self.place = place
        self.directory = directory
        self.fault_log = directory / "faults.jsonl"
        self.logs = logs
        self.kind = kind
        self.tools = tools
        self.node_image = node_image
        self.bridge: links.Bridge | None = None
        self._loaded: dict[Path, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The environment of docker and kind commands where the containers are."""
        return daemon.client_environment(self.tools, self.directory)

    def command(self, name: str, argv: list[str], within: float, log: Path) -> None:
        """Run a long command by the containers; raises `TestbedError` with its last line."""
        runner, within = self.place.runner, within * self.slow_factor
        runner.spawn(name, argv, log=log, env=self.environment)
        status = runner.wait(name, within)
        if status is None:
            runner.signal(name, 9)
            raise TestbedError(f"{' '.join(argv[:3])} did not end within {within:g} s; see {log}")
        if status:
            lines = log.read_text(errors="replace").strip().splitlines()
            telling = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
            raise TestbedError(f"{' '.join(argv[:3])}: {' '.join(telling)[:400]}; see {log}")

    # -------------------------------------------------------------------- builds

    def _image_of(self, spec: ProxySpec) -> str:
        """Return the image of a build; a binary is wrapped and loaded when it is new here."""
        build = Path(spec.build)
        if build in self._loaded:
            return self._loaded[build]
        digest = archives.digest_of(build)
        name = f"localhost/proxyproof/kube-proxy:{digest[:16]}"
        archive = self.directory / f"kube-proxy-{digest[:16]}.tar"
        archives.write(archive, image.proxy_image(name, self.node_image.shared_tree, build))
        argv = [str(self.kind), "load", "image-archive", str(archive), "--name", NAME]
        try:
            self.command("load", argv, LOADED_WITHIN, self.logs / "kind-load.log")
        finally:
            archive.unlink()
        self._loaded[build] = name
        return name

    def load(self, image: ImageArchive, program: Path) -> None:
        """Put an image of the user's on the nodes; specs with its program run in that image.

        Raises `ConfigError` for one that kubeadm's DaemonSet could not start.
        """
        template = self.proxies.daemon_set.template()
        expected = template["containers"][0]["command"][0]
        if image.program != expected:
            raise ConfigError(
                f"{image.path}: kubeadm's DaemonSet starts {expected}, and the kube-proxy in this "
                f"image is {image.program}"
            )
        argv = [str(self.kind), "load", "image-archive", str(image.path), "--name", NAME]
        self.command("load", argv, LOADED_WITHIN, self.logs / "kind-load.log")
        self._loaded[program] = image.name

    def preload(self, binary: Path) -> None:
        """Note that the nodes have the image of the version's own kube-proxy already."""
        template = self.proxies.daemon_set.template()
        self._loaded[binary.resolve()] = template["containers"][0]["image"]

    def prove(self, spec: ProxySpec) -> None:
        """Check on every node that the running program is the build, by its digest.

        Raises `TestbedError`: judging another build than the one named would be worse than none.
        """
        wanted = archives.digest_of(Path(spec.build))
        for node in self.existing_nodes:
            running = node.control.ask("proxy")["processes"]
            found = [process["sha256"] for process in running]
            if found != [wanted]:
                raise TestbedError(
                    f"{node.name} runs {len(found)} kube-proxies, with digests {found}, "
                    f"instead of the build with {wanted}"
                )

    def run_build(self, spec: ProxySpec) -> None:
        """Put the build into the DaemonSet, and let nodes be taken out of its hands."""
        self.proxies.daemon_set.adopt(self._image_of(spec))
        self._keeps_off = True

    # -------------------------------------------------------------------- outside

    def join_outside(self, count: int) -> None:
        """Make outside clients, and routes from them and from here to the pods."""
        shown = self.docker("network", "inspect", "kind")
        self.bridge = links.Bridge(json.loads(shown)[0])
        runner, here = self.place.runner, self.place.listens
        runner.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"])
        runner.run(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"])
        routes = links.pod_routes(self.existing_nodes)
        runner.must(["ip", "-batch", "-"], stdin=routes)
        for number in range(1, count + 1):
            name = links.outside_name(number)
            runner.must(["ip", "-batch", "-"], stdin=self.bridge.script(number))
            inside = self.bridge.inside(number) + routes
            runner.must(["ip", "-n", name, "-batch", "-"], stdin=inside)
            enter = ["nsenter", f"--net=/run/netns/{name}"]
            runner.must([*enter, "sysctl", "-qw", *links.OUTSIDE_SYSCTLS])
            port = OUTSIDE_CONTROL_PORT + number
            argv = [sys.executable, "-I", "-S", "-B", str(AGENT), "--control-fd", "{fd}"]
            runner.spawn(
                name,
                [*argv, "--pod", f"/{name}", "--node", name],
                log=self.logs / f"{name}.log",
                netns=name,
                listen=(here, port),
                env=dict(os.environ),
            )
            self.outside.append(AgentAddress(here, port))

    def outside_addresses(self, number: int) -> dict[str, str]:
        """Return the addresses of outside client `number`, from 1."""
        if self.bridge is None or not 0 < number <= len(self.outside):
            raise ConfigError(f"this cluster has no outside client {number}")
        return self.bridge.client(number)

    def set_outside_route(self, number: int, address: str, node: Node | None) -> None:
        """Lead what outside client `number` sends to `address` to `node`, or no longer."""
        family = "ipv6" if ":" in address else "ipv4"
        via = self._own(node).addresses[family] if node else ""
        self.place.runner.must(links.outside_route_command(number, address, via))

    @property
    def meeting_point(self) -> str:
        """The address of the nodes' bridge."""
        if self.bridge is None:
            raise ConfigError("this cluster has no outside clients that could meet")
        return self.bridge.gateways["ipv4"]

    def spawn_outside(
        self, number: int, name: str, argv: Sequence[str], *, log: Path
    ) -> OutsideProcess:
        """Start a process in the network of outside client `number`, or 0 by the containers."""
        netns = links.outside_name(number) if number else ""
        runner = self.place.runner
        runner.spawn(name, list(argv), log=log, env=dict(os.environ), netns=netns)
        return LabProcess(runner, name)

    # -------------------------------------------------------------------- evidence and end

    def docker(self, *arguments: str, timeout: float = 30.0) -> str:
        """Run a docker command where the containers are and return what it printed."""
        environment = [f"{name}={value}" for name, value in self.environment.items()]
        argv = ["env", *environment, "docker", *arguments]
        return self.place.runner.must(argv, timeout=timeout)

    def export_logs(self) -> None:
        """Write kind's own collection of logs into the run's evidence."""
        argv = [str(self.kind), "export", "logs", str(self.logs / "kind"), "--name", NAME]
        # It wants crictl too, which Debian does not have, and fails at its end for the lack of it.
        runner = self.place.runner
        runner.spawn("export", argv, log=self.logs / "kind-export.log", env=self.environment)
        runner.wait("export", LOADED_WITHIN)

    def collect(self, directory: Path) -> None:
        """Write every node's state below `directory`, and kind's logs once for the run."""
        super().collect(directory)
        if not (self.logs / "kind").exists():
            with contextlib.suppress(TestbedError):
                self.export_logs()

    def forked(self) -> None:
        """Take connections of its own in a forked process; the cluster stays the parent's."""
        parents, self.place = self.place, self.place.again()
        parents.runner.close()
        self.lab.close()
        self.lab = labclient.LabClient(self.directory)
        super().forked()

    def keep(self) -> None:
        """Let the cluster outlive this process."""
        self.save()
        self.lab.ask("keep", keep=True)
        super().keep()

    def save(self) -> None:
        """Write down what `python -m clusters list` tells of the cluster."""
        described = [
            {"name": node.name, "mode": node.spec.mode, "build": str(node.spec.build)}
            for node in self.existing_nodes
        ]
        rundir.write_state(self.directory, {"provider": "kind", "nodes": described})

    def how_to_enter(self) -> str:
        """Return the lines that `--kp-keep` prints."""
        kubectl = f"{enter_command(self.directory)} kubectl --kubeconfig {self.kubeconfig}"
        # The only way that there is with every kernel.
        pod = f"-n {SYSTEM_NAMESPACE} exec -it node-{self.nodes[-1].name} -c access"
        return "\n".join(
            [
                f"The kind cluster {self.name} is still up:",
                f"  kubectl    {kubectl} get nodes",
                f"  shell      {kubectl} {pod} -- nsenter -t 1 -m -u bash",
                f"  remove     {clusters_command('down', self.name)}",
            ]
        )

    def close(self) -> None:
        """Remove the containers, end the run's first process, and remove what it left."""
        self.hang_up()
        if self.place.kernel == "host":
            with contextlib.suppress(TestbedError):
                if names := self.docker("ps", "-aq").split():
                    self.docker("rm", "-fv", *names, timeout=REMOVED_WITHIN)
        self.place.close()
        self.lab.ask("down")
        self.lab.close()
        rundir.wait_gone(self.directory)
        cgroups.remove(self.directory.name)


def server_of(node: Any, family: Family) -> str:
    """Return the URL of the API server on a control-plane container, as docker describes it.

    `family` is the cluster's primary one: only that address is in the server's certificate.
    """
    address = node["NetworkSettings"]["Networks"]["kind"]
    if family == "ipv6":
        return f"https://[{address['GlobalIPv6Address']}]:6443"
    return f"https://{address['IPAddress']}:6443"
