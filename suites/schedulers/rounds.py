"""Which node runs which scheduler: as many at once as there are nodes, in rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node, ProxySpec
    from suites.schedulers.experiment import Experiment
    from suites.schedulers.site import Site

# kube-proxy's own check of a scheduler makes a virtual server of it, too (CanUseIPVSProxier).
_TRIAL = "192.0.2.254:9"


class Rounds:
    """Runs the experiment for a scheduler when somebody asks for it, with others beside it.

    `close` puts every node's kube-proxy back as it was.
    """

    def __init__(
        self, cluster: Cluster, wanted: Sequence[str], make: Callable[[], Experiment]
    ) -> None:
        """`wanted` are the schedulers that will be asked for."""
        self.cluster = cluster
        self.make = make
        self.known = {name: self._kernel_has(name) for name in wanted}
        self._wanted = [name for name in wanted if self.known[name]]
        self._seen: dict[str, tuple[Experiment, Site]] = {}
        self._failed: dict[str, Exception] = {}
        self._before: dict[str, ProxySpec] = {}

    def site(self, name: str) -> tuple[Experiment, Site]:
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
        rest = [each for each in self._wanted if each not in had]
        return dict(zip([name, *rest], self.cluster.nodes, strict=False))

    def _run(self, nodes: dict[str, Node]) -> None:
        try:
            self._configure(nodes)
            experiment = self.make()
            experiment.run(list(nodes.values()))
        except (AssertionError, BuildError) as error:
            self._failed |= dict.fromkeys(nodes, error)
            raise
        self._seen |= {
            name: (experiment, site) for name, site in zip(nodes, experiment.sites, strict=True)
        }

    def _configure(self, nodes: dict[str, Node]) -> None:
        for node in nodes.values():
            self._before.setdefault(node.name, node.spec)
        self.cluster.set_proxies(
            {
                node.name: self._before[node.name].with_config({"ipvs": {"scheduler": name}})
                for name, node in nodes.items()
            }
        )

    def _kernel_has(self, name: str) -> bool:
        node = self.cluster.nodes[0]
        made = self.cluster.run(node, ["ipvsadm", "-A", "-t", _TRIAL, "-s", name])
        if made.status == 0:
            self.cluster.run(node, ["ipvsadm", "-D", "-t", _TRIAL])
        return made.status == 0
