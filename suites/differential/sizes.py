"""Payloads of several sizes through every mode at the same moment."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from suites.differential.documented import DOCUMENTED
from suites.differential.scenes import FIRST
from suites.differential.sides import ASKERS
from suites.oracles.differences import Question, compare

if TYPE_CHECKING:
    from clusters.protocol import Mode
    from fixtures.matrix import Vantage
    from suites.differential.scenes import Scene
    from suites.differential.sides import Sides
    from suites.oracles.routing import Path
    from suites.oracles.world import Port

    Asked = tuple[Vantage, Path, Port, int]

SIZES = {"tcp": (1, 1448, 1449, 100_000), "udp": (1, 1472, 1473, 9000)}
"""Around what fits into one packet of a link with an MTU of 1500, and far more."""

PATHS: tuple[Path, ...] = ("cluster-ip", "node-port")
COUNT = 4


def ask_sizes(sides: Sides, scene: Scene) -> None:
    """Send payloads to a Service as the scene makes it, and keep how the outcomes differ."""
    bench = sides.bench
    bench.bring(bench.start.put("all", scene.make(0, len(sides.modes))))
    sides.settle()
    service = bench.world.services["all"]
    wanted: list[Asked] = [
        (vantage, path, port, size)
        for port in service.ports
        for path in PATHS
        for size in SIZES[port.protocol]
        for vantage in bench.matrix.vantages
    ]
    met: dict[Question, dict[Mode, frozenset[str]]] = defaultdict(dict)

    def ask_from(vantage: Vantage) -> list[tuple[Asked, frozenset[str]]]:
        return [(one, _outcomes(sides, one)) for one in wanted if one[0] == vantage]

    with ThreadPoolExecutor(len(bench.matrix.vantages)) as pool:
        outcomes = [pair for pairs in pool.map(ask_from, bench.matrix.vantages) for pair in pairs]
    for (vantage, path, port, size), answer in outcomes:
        named = f"{port.protocol} {port.port}, {size} bytes each way,"
        asked = Question(scene.name, FIRST, path, named, ASKERS[vantage.kind], "everywhere")
        met[asked][sides.modes[vantage.node]] = answer
    sides.asked += len(wanted)
    for asked, answers in met.items():
        if difference := compare(asked, answers, DOCUMENTED):
            sides.found.append(difference)


def _outcomes(sides: Sides, asked: Asked) -> frozenset[str]:
    vantage, path, port, size = asked
    target = sides.bench.target("all", port, path, vantage.node)
    client = sides.bench.matrix.client(vantage)
    timeout = sides.bench.timeouts.answer
    attempts = client.probe(target, COUNT, timeout=timeout, payload=size)
    words = {"ok": "had the whole payload back", "timeout": "had no answer"}
    return frozenset(words.get(one, f"ended as {one}") for one in attempts.outcome)
