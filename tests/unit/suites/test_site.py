"""The scheduler experiment's book-keeping, on a simulated kernel that may schedule wrongly."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from clusters.protocol import ProxySpec, Ran
from fixtures.agent.attempts import Attempts, Plan
from fixtures.clients import Target
from suites.oracles.schedulers import SCHEDULERS, Scheduler, scheduler
from suites.oracles.schedulers.destinations import Destination
from suites.oracles.schedulers.fingerprint import ALIKE, fingerprint
from suites.schedulers.experiment import JUDGED, TRACED, again, first
from suites.schedulers.site import Server, Site
from tests.unit.attempts import attempts

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "10.96.0.10"
PODS = {f"10.244.2.{n}:8080": f"case/web-{n}" for n in range(2, 7)}
LATE = "10.244.2.6:8080"
PORTS = {"short": 81, "held": 82, "mixed": 83, "udp": 84, "node": 30082}


class Kernel:
    """Virtual servers with one scheduler each, whatever the node was configured with."""

    def __init__(self, name: str) -> None:
        self.name = name
        order = [Destination(name) for name in PODS if name != LATE]
        self.models: dict[int, Scheduler] = {
            port: scheduler(name, order, HOST) for port in PORTS.values()
        }
        self.weights = {port: {d.name: 1 for d in order} for port in PORTS.values()}

    def probe(self, plan: Plan, *, stays: bool = False) -> Attempts:
        """Schedule the attempts of a plan."""
        model = self.models[plan.port]
        rows = []
        assert plan.source_ports
        for index in range(plan.count or 0):
            port = plan.source_ports[0] + index
            picked = model.connect("10.244.1.2", port)
            if picked and plan.protocol == "tcp":
                model.established(picked)
                if not stays:
                    model.close(picked)
            backend = PODS[picked] if picked else None
            outcome = "ok" if backend else "refused"
            rows.append({"local_port": port, "backend": backend, "outcome": outcome})
        return attempts(*rows)

    def hold(self, plan: Plan) -> Any:
        """Make connections that stay until they are released."""
        opened = self.probe(plan, stays=True)
        kernel_names = {pod: name for name, pod in PODS.items()}

        def release(how: str) -> None:
            del how
            for backend in opened.backend:
                if backend:
                    self.models[plan.port].close(kernel_names[backend])

        return SimpleNamespace(opened=opened, release=release)

    def add(self, name: str) -> None:
        """Add a destination everywhere."""
        for port, model in self.models.items():
            model.add(name)
            self.weights[port] = {name: 1, **self.weights[port]}

    def drain(self, name: str) -> None:
        """Let a destination drain everywhere."""
        for port, model in self.models.items():
            model.set_weight(name, 0)
            self.weights[port][name] = 0

    def run(self, node: Any, argv: Sequence[str]) -> Ran:
        """Show /proc/net/ip_vs."""
        del node
        lines = ["IP Virtual Server version", "Prot LocalAddress", "  -> RemoteAddress"]
        for name, port in PORTS.items():
            protocol = "UDP" if name == "udp" else "TCP"
            lines.append(
                f"{protocol}  {int(ipaddress.ip_address(HOST)):08X}:{port:04X} {self.name}"
            )
            for destination in self.models[port].order:
                address, _, number = destination.partition(":")
                hexed = f"{int(ipaddress.ip_address(address)):08X}:{int(number):04X}"
                lines.append(f"  -> {hexed} Masq {self.weights[port][destination]} 0 0")
        return Ran(tuple(argv), 0, "\n".join(lines), "")


class Sender:
    """A client whose agent asks the simulated kernel."""

    name = "client"
    addresses = {"ipv4": "10.244.1.2"}  # noqa: RUF012 - nothing changes it

    def __init__(self, kernel: Kernel) -> None:
        self.agent = SimpleNamespace(probe=kernel.probe, hold=kernel.hold)
        self.next = 20000

    def plan(self, target: Target, *, count: int, close: str, timeout: float) -> Plan:
        """Plan attempts from ports of their own."""
        self.next += count
        ports = (self.next - count, self.next - 1)
        return Plan(
            host=target.host,
            port=target.port,
            protocol=target.protocol,
            count=count,
            source_ports=ports,
            timeout=timeout,
            close=close,  # type: ignore[arg-type]
        )


def experiment(configured: str, actual: str) -> Site:
    """Run the experiment's traffic on a kernel that schedules by `actual`."""
    kernel = Kernel(actual)
    spec = ProxySpec(Path("kube-proxy"), "ipvs", {"ipvs": {"scheduler": configured}})
    servers = {
        name: Server(Target(HOST, port, "udp" if name == "udp" else "tcp"))
        for name, port in PORTS.items()
    }
    node = SimpleNamespace(name="node-1", spec=spec)
    endpoints = [name for name in PODS if name != LATE]
    site = Site(
        kernel,  # type: ignore[arg-type]
        node,
        [Sender(kernel)],  # type: ignore[list-item]
        servers,
        dict(PODS),
        endpoints,
        1.0,
    )
    site.begin()
    first(site)
    kernel.add(LATE)
    site.came(LATE)
    again(site)
    kernel.drain(LATE)
    site.went(LATE)
    again(site)
    return site


@pytest.mark.parametrize("name", sorted(SCHEDULERS))
def test_a_kernel_that_does_what_it_was_told_is_right(name: str) -> None:
    """Every server, in every phase; and the traffic shows what it was."""
    site = experiment(name, name)
    assert set(site.scheduled.values()) == {name}
    for phase in range(3):
        for server in JUDGED:
            judgement = site.judge(server, phase)
            assert judgement.ok is True, (server, phase, judgement.sentence)


@pytest.mark.parametrize(("configured", "actual"), [("lc", "rr"), ("sh", "rr"), ("rr", "sed")])
def test_another_scheduler_is_wrong(configured: str, actual: str) -> None:
    """The first connection that went elsewhere is named, with the server."""
    site = experiment(configured, actual)
    assert set(site.scheduled.values()) == {actual}
    wrong = [site.judge(server, 0) for server in TRACED]
    sentences = [judgement.sentence for judgement in wrong if judgement.ok is False]
    assert sentences
    assert f"{configured} (" in sentences[0]
    assert "went to case/web-" in sentences[0]


def test_usable_counts_what_takes_connections() -> None:
    """A draining destination is in the table but not usable."""
    site = experiment("rr", "rr")
    assert site.usable() == dict.fromkeys(PORTS, 4)
    assert [len(found) for _, found in site.table().values()] == [5] * len(PORTS)


def test_traces_have_what_the_fingerprint_needs() -> None:
    """Connections of the four servers at one address, with the changes between them."""
    site = experiment("wrr", "wrr")
    seen = fingerprint(site.traced(TRACED))
    assert seen.schedulers == {"wrr"}
    assert all(len(pair) == 2 for pair in ALIKE)
