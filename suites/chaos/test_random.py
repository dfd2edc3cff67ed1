"""Random sequences of faults and changes, with a seed, a line that makes them again, shrinking."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from fixtures.case import case
from fixtures.history import History
from fixtures.nemesis import Nemesis
from suites.chaos.experiment import Experiment
from suites.chaos.site import Site
from suites.chaos.walk import Step, draw, from_line, to_line, walk
from suites.oracles.shrinking import shortest
from suites.oracles.verdict import Inconclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.options import Options
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.session import RunSession
    from fixtures.timeouts import Timeouts
    from fixtures.waits import Until
    from fixtures.workloads import Workloads

STEPS = 4
SHRINK_SECONDS = 240.0


class Walker:
    """Walks through steps on a site of its own each time, and tells what was wrong."""

    def __init__(
        self,
        cluster: Cluster,
        recorder: Recorder,
        until: Until,
        timeouts: Timeouts,
        clients: Clients,
        make_workloads: Callable[[str], Workloads],
    ) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.until = until
        self.timeouts = timeouts
        self.clients = clients
        self.make_workloads = make_workloads
        self.walks = 0

    def fault_of(self, steps: Sequence[Step]) -> str:
        """Return what was wrong, "" if nothing was; raises `Inconclusive`."""
        self.walks += 1
        history = History(self.recorder)
        nemesis = Nemesis(self.cluster, self.until, history)
        workloads = self.make_workloads("cha-050")
        experiment = Experiment(
            self.cluster, history, nemesis, self.until, self.timeouts, self.recorder.observe
        )
        try:
            site = Site(experiment, workloads, self.clients, self.cluster.nodes)
            # The walk before, or a case, may have kept the API server from them.
            site.restart_proxies()
            site.begin()
            allowed = walk(site, steps)
            site.judge(
                deaf=allowed.deaf,
                deaf_all=allowed.deaf_all,
                excused=allowed.excused,
                excused_near=allowed.excused_near,
                flows_excused=allowed.flows_excused,
            )
        except AssertionError as error:
            return str(error).partition("\n")[0] or "an assertion failed"
        finally:
            nemesis.put_back()
            history.stop()
            workloads.clean_up()
        return ""


def again(options: Options, nodes: int, what: str) -> str:
    """Return the one line that does it once more."""
    return (
        f"tox -e {options.mode} -- --kp-cases CHA-050 --kp-family {options.family} "
        f"--kp-nodes {nodes} --kp-build {shlex.quote(options.build)} {what}"
    )


@case(
    "CHA-050",
    feature="random faults",
    profile="chaos",
    level="extended",
    min_nodes=2,
    requires=("hand-made-endpoints", "outside-client", "proxy-restart", "node-access"),
    reference="Jepsen's nemesis; Zeller, Yesterday, my program worked",
    disruptive=True,
)
def test_random_faults(
    run_session: RunSession,
    recorder: Recorder,
    until: Until,
    timeouts: Timeouts,
    clients: Clients,
    nodes: Sequence[Node],
    make_workloads: Callable[[str], Workloads],
) -> None:
    """Whatever faults come in whatever order, no connection fails that none of them excuses."""
    options, cluster = run_session.options, run_session.cluster
    chaos = options.chaos
    seed = run_session.seed if chaos.seed is None else chaos.seed
    count = chaos.steps or STEPS
    steps = (
        from_line(chaos.replay)
        if chaos.replay
        else draw(seed, count, nodes[1].name, cluster.capabilities)
    )
    recorder.observe("seed", seed)
    recorder.observe("faults", [", ".join(map(str, step.faults)) for step in steps])
    print(f"CHA-050: seed {seed}: {to_line(steps)}")  # noqa: T201 - also when the run is killed
    walker = Walker(cluster, recorder, until, timeouts, clients, make_workloads)
    sentence = walker.fault_of(steps)
    if not sentence:
        return
    deadline = time.monotonic() + SHRINK_SECONDS

    def fails(some: list[Step]) -> bool:
        nonlocal sentence
        try:
            found = walker.fault_of(some)
        except Inconclusive:
            return False
        sentence = found or sentence
        return bool(found)

    least = shortest(steps, fails, lambda: time.monotonic() > deadline)
    recorder.observe("walks", walker.walks)
    line = f"--kp-chaos-replay {shlex.quote(to_line(least))}"
    raise AssertionError(
        f"{sentence}; {len(least)} of {len(steps)} steps are enough, to make them again: "
        f"{again(options, len(nodes), line)}\nTo walk again: "
        f"{again(options, len(nodes), f'--kp-chaos-seed {seed} --kp-chaos-steps {count}')}"
    )
