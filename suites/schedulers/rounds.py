"""Which node runs which scheduler or mode: as many at once as there are nodes, in rounds."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from clusters.errors import BuildError
from clusters.protocol import MODES
from clusters.schedulers import has_scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clusters.protocol import Cluster, Node, ProxySpec
    from fixtures.workloads import Workloads

Site_co = TypeVar("Site_co", covariant=True)


class Experiment(Protocol[Site_co]):
    """Something to do on nodes that are configured already, once."""

    @property
    def sites(self) -> Sequence[Site_co]:
        """What was seen, a node each."""

    def run(self, nodes: Sequence[Node]) -> None:
        """Do it; raises AssertionError when a node does not get what it should have."""


def spec_for(before: ProxySpec, name: str) -> ProxySpec:
    """Return the same kube-proxy in the mode of that name, or in IPVS mode with the scheduler."""
    for mode in MODES:
        if name == mode:
            return replace(before, mode=mode)
    return replace(before, mode="ipvs").with_config({"ipvs": {"scheduler": name}})


@contextmanager
def in_rounds(
    cluster: Cluster,
    wanted: Sequence[str],
    make_workloads: Callable[[], Workloads],
    make: Callable[[Workloads], Experiment[Site_co]],
) -> Iterator[Rounds[Site_co]]:
    """Offer rounds whose experiments have workloads of their own, and clean up after them."""
    made: list[Workloads] = []

    def fresh() -> Experiment[Site_co]:
        made.append(make_workloads())
        return make(made[-1])

    rounds = Rounds(cluster, wanted, fresh)
    yield rounds
    rounds.close()
    for workloads in made:
        workloads.clean_up()


class Rounds(Generic[Site_co]):
    """Runs an experiment for a scheduler or mode when somebody asks, with others beside it.

    `close` puts every node's kube-proxy back as it was.
    """

    def __init__(
        self, cluster: Cluster, wanted: Sequence[str], make: Callable[[], Experiment[Site_co]]
    ) -> None:
        """`wanted` are the schedulers and modes that will be asked for."""
        self.cluster = cluster
        self.make = make
        self.known = {name: self._kernel_has(name) for name in wanted}
        self._seen: dict[str, Site_co] = {}
        self._failed: dict[str, Exception] = {}
        self._before: dict[str, ProxySpec] = {}

    def site(self, name: str) -> Site_co:
        """Return what was seen of a scheduler; raises what running it raised, for each of a round.

        Raises KeyError for one that the kernel lacks.
        """
        if not self.known[name]:
            raise KeyError(f"the nodes' kernel has no scheduler {name}")
        if name in self._failed:
            raise self._failed[name]
        if name not in self._seen:
            self._run(self._round_of(name))
        return self._seen[name]

    def close(self) -> None:
        """Run kube-proxy on every node as before."""
        if self._before:
            self.cluster.set_proxies(self._before)

    def _round_of(self, name: str) -> dict[str, Node]:
        had = {name, *self._seen, *self._failed}
        rest = [each for each, there in self.known.items() if there and each not in had]
        return dict(zip([name, *rest], self.cluster.nodes, strict=False))

    def _run(self, nodes: dict[str, Node]) -> None:
        try:
            self._configure(nodes)
            experiment = self.make()
            experiment.run(list(nodes.values()))
        except (AssertionError, BuildError) as error:
            self._failed |= dict.fromkeys(nodes, error)
            raise
        self._seen |= dict(zip(nodes, experiment.sites, strict=True))

    def _configure(self, nodes: dict[str, Node]) -> None:
        for node in nodes.values():
            self._before.setdefault(node.name, node.spec)
        self.cluster.set_proxies(
            {node.name: spec_for(self._before[node.name], name) for name, node in nodes.items()}
        )

    def _kernel_has(self, name: str) -> bool:
        if name in MODES:
            return True
        node = self.cluster.nodes[0]
        return has_scheduler(lambda argv: self.cluster.run(node, argv), name)
