"""A bench: a pool of pods, and Services that are brought from one state of a model to the next."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from clusters.protocol import ZONE
from fixtures.clients import Target
from fixtures.matrix import Aim, Matrix, Vantage
from suites.oracles.world import BACKEND_PORTS, Endpoint, Layout, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.addresses import Addresses
    from fixtures.provide import Clients
    from fixtures.services import Service as Live
    from fixtures.surroundings import Entry
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads
    from suites.oracles.routing import Path
    from suites.oracles.world import Port, Service

SERVE = tuple(f"{protocol}:{port}" for protocol, port in BACKEND_PORTS.values())
ZONES = ("zone-a", "zone-b", "zone-c")


class Bench:
    """Holds the pool and the live Services; leaving its context sets zones and routes back."""

    def __init__(
        self,
        cluster: Cluster,
        clients: Clients,
        workloads: Workloads,
        entry: Entry,
        addresses: Addresses,
        *,
        until: Until,
        timeouts: Timeouts,
        per_node: int = 2,
    ) -> None:
        self.cluster = cluster
        self.workloads = workloads
        self.kube = workloads.kube
        self.family: Family = workloads.family
        self.entry = entry
        self.until = until
        self.timeouts = timeouts
        self.nodes: Sequence[Node] = cluster.nodes
        self.pool = workloads.pods(
            per_node * len(self.nodes), on=self.nodes, app="pool", serve=SERVE
        )
        self.addresses = addresses
        self.matrix = Matrix(cluster, clients, self.pool, self.family, workloads.recorder)
        self.live: dict[str, Live] = {}
        self.slots: dict[str, dict[Path, str]] = {}
        self._led: set[str] = set()
        self._made = 0
        self._canary = (0, "a")
        self._wrote = set[str]()
        self._undo = ExitStack()
        count = len(self.nodes)
        pods = tuple(index % count for index in range(len(self.pool)))
        self.world = World(Layout(pods, tuple(i % len(ZONES) for i in range(count))))
        self.start = self.world

    def __enter__(self) -> Self:
        self._undo.callback(self.matrix.close)
        self._undo.callback(self.reset)
        self._make_canary()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._undo.close()

    def reset(self) -> None:
        """Remove every Service and put every node into its own zone again.

        What comes next gets new addresses: after many probes source ports come round again, and
        the node's kernels may remember them together with the old addresses.
        """
        self.bring(self.start)
        self.slots = {}

    # -------------------------------------------------------------------- from state to state

    def bring(self, world: World) -> None:
        """Write what differs between the present state and `world`, and nothing else."""
        for slot in sorted(set(self.world.services) - set(world.services)):
            self._remove(slot)
        for slot, service in world.services.items():
            old = self.world.services.get(slot)
            if old != service:
                self._put(slot, old, service)
        zones = zip(self.world.layout.zones, world.layout.zones, strict=True)
        for number, (before, after) in enumerate(zones):
            if before != after:
                label = {"metadata": {"labels": {ZONE: ZONES[after]}}}
                self.kube.patch(f"/api/v1/nodes/{self.nodes[number].name}", label)
        self.world = world

    def _put(self, slot: str, old: Service | None, new: Service) -> None:
        if old is None:
            addresses = self._addresses(slot)
            # Made again in the same life, it has the address of the one before.
            known = "cluster-ip" in addresses
            self._made += 1
            spec = {k: v for k, v in self._spec(slot, new).items() if v is not None}
            if known:
                spec["clusterIP"] = addresses["cluster-ip"]
            live = self.workloads.service(f"{slot}-{self._made}", app=None, **spec)
            self.live[slot] = live
            addresses["cluster-ip"] = live.cluster_ip
            self._wrote.add("service")
        else:
            live = self.live[slot]
            if self._spec(slot, old) != self._spec(slot, new):
                live.update(**self._spec(slot, new))
                self._wrote.add("service")
        if new.type == "LoadBalancer" and not live.manifest["status"].get("loadBalancer"):
            live.set_load_balancer(self.slots[slot]["load-balancer"])
        for path, address in self.slots[slot].items():
            if new.offers(path):
                self._lead(address)
        before = dict(old.slices) if old else {}
        for suffix in set(before) - dict(new.slices).keys():
            self.kube.delete(f"{self._slices}/{live.name}-{suffix}")
            self._wrote.add("slice")
        for suffix, endpoints in new.slices:
            if before.get(suffix) != endpoints:
                self._write_slice(live, suffix, endpoints, exists=suffix in before)
                self._wrote.add("slice")

    def _addresses(self, slot: str) -> dict[Path, str]:
        """Return a slot's addresses, its ClusterIP once it has one."""
        if slot not in self.slots:
            made: dict[Path, str] = {
                "external-ip": self.addresses.take()[self.family],
                "load-balancer": self.addresses.take()[self.family],
            }
            self.slots[slot] = made
        return self.slots[slot]

    def _lead(self, address: str) -> None:
        """Have outside client i reach an address by node i."""
        if address in self._led:
            return
        self._led.add(address)
        for index in range(min(len(self.nodes), len(self.cluster.outside))):
            self.entry.by(self.nodes[index], address, index)

    def _spec(self, slot: str, service: Service) -> dict[str, Any]:
        external = self.slots[slot]["external-ip"]
        outward = service.type != "ClusterIP" or service.external_ip
        balanced = service.type == "LoadBalancer"
        return {
            "type": service.type,
            "ports": [
                {
                    "name": port.name,
                    "protocol": port.protocol.upper(),
                    "port": port.port,
                    "targetPort": port.target or 1,
                }
                for port in service.ports
            ],
            "internalTrafficPolicy": service.internal,
            "externalTrafficPolicy": service.external if outward else None,
            "sessionAffinity": "ClientIP" if service.affinity else "None",
            **({} if service.affinity else {"sessionAffinityConfig": None}),
            "externalIPs": [external] if service.external_ip else None,
            "loadBalancerClass": "proxyproof.dev/by-hand" if balanced else None,
            "loadBalancerSourceRanges": self._ranges(service.ranges) if balanced else None,
        }

    def _ranges(self, which: str) -> list[str] | None:
        if not which:
            return None
        kinds = {"outside": ("outside",), "pods": ("pod", "member")}[which]
        width = 128 if self.family == "ipv6" else 32
        clients = [self.matrix.client(v) for v in self.matrix.vantages if v.kind in kinds]
        return [f"{client.addresses[self.family]}/{width}" for client in clients]

    def _write_slice(
        self, live: Live, suffix: str, endpoints: Iterable[Endpoint], *, exists: bool
    ) -> None:
        entries = [self._entry(endpoint) for endpoint in endpoints]
        if exists:
            self.kube.patch(f"{self._slices}/{live.name}-{suffix}", {"endpoints": entries})
            return
        self.kube.create(
            self._slices,
            {
                "metadata": {
                    "name": f"{live.name}-{suffix}",
                    "labels": {
                        "kubernetes.io/service-name": live.name,
                        "endpointslice.kubernetes.io/managed-by": "proxyproof",
                    },
                },
                "addressType": self.family.replace("ipv", "IPv"),
                "endpoints": entries,
                "ports": [
                    {"name": name, "protocol": protocol.upper(), "port": port}
                    for name, (protocol, port) in BACKEND_PORTS.items()
                ],
            },
        )

    @property
    def _slices(self) -> str:
        return f"/apis/discovery.k8s.io/v1/namespaces/{self.workloads.namespace}/endpointslices"

    def _entry(self, endpoint: Endpoint) -> dict[str, Any]:
        pod = self.pool[endpoint.pod]
        hints: dict[str, Any] = {}
        if endpoint.zone is not None:
            hints["forZones"] = [{"name": ZONES[endpoint.zone]}]
        if endpoint.node is not None:
            hints["forNodes"] = [{"name": self.nodes[endpoint.node].name}]
        entry: dict[str, Any] = {
            "addresses": [pod.addresses[self.family]],
            "conditions": endpoint.conditions,
            "nodeName": pod.node,
        }
        return entry | ({"hints": hints} if hints else {})

    def _remove(self, slot: str) -> None:
        live = self.live.pop(slot)
        live.delete()
        label = f"kubernetes.io%2Fservice-name%3D{live.name}"
        self.kube.call("DELETE", self._slices, labelSelector=label)
        self._wrote |= {"service", "slice"}

    # -------------------------------------------------------------------- waiting

    def _make_canary(self) -> None:
        self.canary = self.workloads.service("canary", app=None, ports=self._canary_ports())
        self._canary_slice(exists=False)
        self.settle()

    def _canary_ports(self) -> list[dict[str, Any]]:
        name = self._canary[1]
        return [{"name": name, "protocol": "TCP", "port": 80, "targetPort": 80}]

    def _canary_slice(self, *, exists: bool) -> None:
        endpoint = Endpoint(self._canary[0])
        self._write_slice(self.canary, "a", [endpoint], exists=exists)

    def _flip_canary(self) -> None:
        """Change the canary after the last write of each kind that there was.

        A watch delivers in order: a node that has the canary's change has met all before it.
        """
        if "slice" in self._wrote:
            self._canary = (1 - self._canary[0], self._canary[1])
            self._canary_slice(exists=True)
        if "service" in self._wrote:
            self._canary = (self._canary[0], "c" if self._canary[1] == "a" else "a")
            self.canary.update(ports=self._canary_ports())
        self._wrote.clear()

    def settle(self) -> None:
        """Wait until every node has what was written last.

        Raises AssertionError when one has not: the build had `timeouts.programmed` seconds.
        """
        self._flip_canary()
        target = Target(self.canary.cluster_ip, 80)
        aims = [Aim(Vantage("pod", number), target) for number in range(len(self.nodes))]
        right = (str(self._canary[0]), BACKEND_PORTS[self._canary[1]][1])

        def there() -> bool:
            seen = self.matrix.look(dict.fromkeys(aims, self.timeouts.drop), record=False)
            return all((s.backend, s.port) == right for some in seen.values() for s in some)

        self.until(
            "every node has the change before",
            there,
            within=self.timeouts.programmed,
            consecutive=1,
        )

    # -------------------------------------------------------------------- targets

    def target(self, slot: str, port: Port, path: Path, node: int) -> Target:
        """Return one way into a Service; `node` is whose NodePort."""
        live = self.live[slot]
        if path == "node-port":
            address = self.nodes[node].addresses[self.family]
            return Target(address, live.port(port.name)["nodePort"], port.protocol)
        return Target(self.slots[slot][path], port.port, port.protocol)
