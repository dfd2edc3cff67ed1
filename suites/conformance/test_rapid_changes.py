"""Changes that come faster than kube-proxy syncs: only the last one counts, and it does count."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.slices import Slices, endpoints
from suites.batching import OneSync
from suites.check import nobody
from suites.judges import same_backends
from suites.oracles.outcomes import all_ok
from suites.oracles.verdict import require
from suites.programmed import set_ready
from suites.returning import may_be_cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.agent.attempts import Attempts
    from fixtures.clients import Target
    from fixtures.provide import Clients
    from fixtures.proxies import Proxies
    from fixtures.workloads import Workloads
    from suites.check import Check
    from suites.programmed import Programmed

ROUNDS = 4
ATTEMPTS = 10
TRACKERS = "k/k pkg/proxy/servicechangetracker.go Update; endpointslicecache.go esDataChanged"
WEB = {"name": "web", "port": 80, "targetPort": 8080}
MORE = {"name": "more", "port": 81, "targetPort": 8080}


@case(
    "SVC-036",
    slow=True,
    feature=("ports", "batching"),
    requires=("hand-made-endpoints",),
    reference=TRACKERS,
)
def test_port_added_and_removed_at_once(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
) -> None:
    """Ports that come, go or change names within one sync end as they were written last."""
    pods = workloads.pods(2, on=nodes[:2])
    client, service = clients.pod(nodes[0]), workloads.service(app=None, ports=[WEB, MORE])
    names = [{"name": name, "port": 8080} for name in ("web", "more", "other")]
    Slices(service, names).write("a", endpoints(pods, family))
    web, more = service.target("web"), service.target("more")
    check.reaches(client, more, pods)
    other, last = WEB | {"name": "other", "port": 82}, WEB | {"name": "other", "port": 83}
    with check.meanwhile(client, web):
        for _ in range(ROUNDS):
            # MORE goes under another name and number, and that once more, before the next sync.
            service.update(ports=[WEB, other])
            service.update(ports=[WEB, last])
            check.reaches(client, service.target("other"), pods)
            check.silent(client, more)
            service.update(ports=[WEB])
            service.update(ports=[WEB, MORE])
            check.reaches(client, more, pods)
            service.update(ports=[WEB])
            service.update(ports=[WEB, MORE])
            service.update(ports=[WEB])
            check.silent(client, more)


@case(
    "SVC-037",
    slow=True,
    feature=("endpoints", "batching"),
    requires=("hand-made-endpoints",),
    reference=TRACKERS,
)
def test_endpoints_flip_and_flip_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    family: Family,
    programmed: Programmed,
) -> None:
    """Endpoints exchanged and exchanged back within one sync are those written last."""
    first, second = ([pod] for pod in workloads.pods(2, on=nodes[:2]))
    client, service = clients.pod(nodes[0]), workloads.service(app=None)
    slices, target = Slices(service), service.target()
    one, other = endpoints(first, family), endpoints(second, family)
    slices.write("a", one)
    check.reaches(client, target, first)
    for _ in range(ROUNDS):
        for entries in (other, one, other, one):
            slices.write("a", entries)
        programmed([client], first[0])
        check.reaches(client, target, first)
        slices.delete("a")
        slices.write("a", one)
        programmed([client], first[0])
        check.reaches(client, target, first)
    with check.meanwhile(client, target):
        for _ in range(ROUNDS):
            slices.write("a", [*one, *other])
            slices.write("a", one)
            slices.write("b", other)
            slices.delete("b")
        programmed([client], first[0])
        check.reaches(client, target, first)


@case(
    "SVC-038",
    feature=("endpoints", "conntrack"),
    min_nodes=2,
    reference="k/k pkg/proxy/ipvs/graceful_termination.go; k/k test/e2e/network/service.go",
)
def test_to_zero_and_back(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    check: Check,
    mode: str,
    programmed: Programmed,
) -> None:
    """A Service that loses all endpoints has them again as soon as they are back, also for UDP."""
    pods = workloads.pods(2, on=nodes[:2], gated=True)
    client, service = clients.pod(nodes[0]), workloads.service()
    tcp, udp = service.target("tcp"), service.target("udp")
    flow = client.source_ports.keep()
    for pod in pods:
        pod.set_ready(True)
    check.reaches(client, tcp, pods)
    check.reaches(client, udp, pods, every_pod=False, source_ports=flow)
    cut = may_be_cut(pods, ipvs=mode == "ipvs")
    with client.hold(tcp, 10, timeout=check.timeouts.answer) as held:
        for _ in range(ROUNDS):
            for ready in (False, True):
                set_ready(service, pods, ready=ready)
            programmed([client], pods[0])
            check.reaches(client, tcp, pods)
            check.reaches(client, udp, pods, every_pod=False, source_ports=flow)
            require(same_backends(held.opened, held.check(), cut))
    for pod in pods:
        pod.delete()
    more = workloads.pods(2, on=nodes[:2])
    check.reaches(client, tcp, more)
    check.reaches(client, udp, more, every_pod=False, source_ports=flow)


@case(
    "SVC-043",
    feature=("ports", "endpoints", "batching"),
    level="extended",
    requires=("hand-made-endpoints", "proxy-restart"),
    reference=TRACKERS,
    disruptive=True,
)
def test_taken_back_in_one_sync(
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    cluster: Cluster,
    proxies: Proxies,
    check: Check,
    family: Family,
    programmed: Programmed,
) -> None:
    """What changes twice within a minSyncPeriod, or is taken back, ends as it was written last."""
    first, second = ([pod] for pod in workloads.pods(2, on=nodes[:2]))
    client, one, other = clients.pod(nodes[0]), endpoints(first, family), endpoints(second, family)
    services = [workloads.service(f"web-{n}", app=None, ports=[WEB]) for n in range(5)]
    names = [{"name": name, "port": 8080} for name in ("web", "second", "last")]
    slices = [Slices(service, names) for service in services]
    for each in slices:
        each.write("a", one)
    for service in services:
        check.reaches(client, service.target("web"), first)
    *same, changed = services
    before = changed.target("web")
    one_sync = OneSync(workloads, cluster, proxies, check, nodes[0])
    one_sync()
    slices[0].write("a", other)
    slices[0].write("a", one)
    slices[1].write("b", other)
    slices[1].delete("b")
    slices[2].delete("a")
    slices[2].write("a", one)
    services[3].update(ports=[WEB | {"port": 82}])
    services[3].update(ports=[WEB])
    # A change of what is not in force yet: what is in force has to go all the same.
    changed.update(ports=[WEB | {"name": "second", "port": 82}])
    changed.update(ports=[WEB | {"name": "last", "port": 83}])
    programmed([client], first[0])

    def attempts(target: Target) -> Attempts:
        patience = check.timeouts.answer
        return client.probe(target, ATTEMPTS, timeout=patience, concurrency=ATTEMPTS)

    # Each wait for a node to settle would take a period more.
    for target in (changed.target("last"), *(service.target("web") for service in same)):
        require(all_ok(asdict(attempts(target)), {first[0].identity}))
    require(nobody(attempts(before)))
