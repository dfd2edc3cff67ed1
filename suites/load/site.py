"""A Service under load: the load enters by a node that has the Service's pods, too.

So the way through the Service and the way straight to a pod are the same links and hops, and what
differs is what kube-proxy has programmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.slices import PORTS as SLICE_PORTS
from fixtures.slices import endpoints
from fixtures.workloads import SERVE
from suites.load import figures
from suites.oracles.verdict import Judgement, all_of, require

if TYPE_CHECKING:
    from clusters.protocol import Family, Node
    from fixtures.clients import Client
    from fixtures.load.generator import Generating, LoadGenerator, Plan
    from fixtures.load.samples import Samples
    from fixtures.record import Recorder
    from fixtures.services import Service
    from fixtures.workloads import Pod, Workloads
    from suites.check import Check
    from suites.load.vantage import Vantage
    from suites.oracles.budgets import Budgets

PORTS = (
    {"name": "tcp", "protocol": "TCP", "port": 80, "targetPort": 8080},
    {"name": "http", "protocol": "TCP", "port": 81, "targetPort": 8081},
    {"name": "udp", "protocol": "UDP", "port": 80, "targetPort": 8080},
)


class Site:
    """Makes loads on one Service and judges what they saw."""

    def __init__(
        self,
        workloads: Workloads,
        node: Node,
        vantage: Vantage,
        check: Check,
        family: Family,
        generator: LoadGenerator,
        budgets: Budgets,
        recorder: Recorder,
    ) -> None:
        self.workloads = workloads
        self.node = node
        self.vantage = vantage
        self.check = check
        self.family: Family = family
        self.generator = generator
        self.budgets = budgets
        self.recorder = recorder
        self.observe = recorder.observe
        self.pods: list[Pod] = []
        self._under_way: list[Generating] = []

    def set_up(self) -> None:
        """Make the pods and the Service, and wait until it works at the node."""
        self.pods = self.workloads.pods(2, on=self.node, serve=(*SERVE, "http:8081"))
        self.service = self.workloads.service(ports=PORTS)
        self.client = self.enter(1)
        self.check.reaches(self.client, self.service.target(), self.pods)
        self.check.until_settled(self.client, self.service.target())

    def enter(self, client: int) -> Client:
        """Lead what place `client`, from 1, sends to the Service and its pods by its node."""
        pods = [pod.addresses[self.family] for pod in self.pods]
        return self.vantage.enter(client, [self.service.cluster_ip, *pods])

    def arms(self, port: str = "tcp", *, kept: bool = False) -> dict[str, str]:
        """Return the Service and a pod of it as targets, with `kept` also over kept connections."""
        found = self.service.port(port)
        scheme = port if port in ("http", "udp") else "tcp"
        service = url(scheme, self.service.cluster_ip, found["port"])
        direct = url(scheme, self.pods[0].addresses[self.family], found["targetPort"])
        arms = {"service": service, "direct": direct}
        if kept:
            for name, target in list(arms.items()):
                arms[f"kept-{name}"] = target.replace("://", "+kept://")
        return arms

    def changing(self) -> Service:
        """Return another Service, whose endpoints are written by hand, once it works."""
        made = self.workloads.service("changing", app=None)
        made.set_endpoints(endpoints(self.pods, self.family), ports=SLICE_PORTS)
        client = self.vantage.enter(1, [made.cluster_ip])
        self.check.reaches(client, made.target(), self.pods)
        return made

    def arms_of(self, service: Service) -> dict[str, str]:
        """Return a Service's TCP port and a pod's as targets."""
        target = service.target()
        return self.arms() | {"service": url("tcp", target.host, target.port)}

    def run(self, plan: Plan) -> Samples:
        """Generate a load to its end."""
        return self.generator.run(plan)

    def start(self, plan: Plan) -> Generating:
        """Start a load; it is ended with the case at the latest."""
        started = self.generator.start(plan)
        self._under_way.append(started)
        return started

    def end(self) -> None:
        """End loads that still run."""
        for generating in self._under_way:
            generating.end()

    def show(self, samples: Samples, load: str) -> None:
        """Put the distributions and ratios into the report."""
        kind = "connect" if "connect" in samples.total("service").times else "service"
        self.observe("latency by percentile", figures.distribution(samples, kind))
        self.observe("latencies", figures.percentiles(samples))
        measured = figures.ratios(samples, self.budgets, load)
        self.observe(
            "ratios", {name: str(one or "too few rounds") for name, one in measured.items()}
        )
        for name, one in measured.items():
            if one is not None:
                self.recorder.figure(name, one.middle, "times", low=one.low, high=one.high)
        self.observe("generator", dict(figures.kept_up(samples).figures))

    def judge(self, samples: Samples, load: str, *more: Judgement) -> None:
        """Show what was seen and require that it keeps the budgets of `load`, and `more`."""
        self.show(samples, load)
        own = [pod.identity for pod in self.pods]
        require(
            all_of(
                figures.delivered(samples, "service", own),
                figures.judge(samples, self.budgets, load),
                *more,
            )
        )


def url(scheme: str, host: str, port: int) -> str:
    """Return a target of the generator's."""
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
