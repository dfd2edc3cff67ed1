"""What one change writes and what packets pass, counted: no busy machine changes either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixtures.bulk import Bulk
from fixtures.case import case
from fixtures.slices import PORTS, endpoints
from fixtures.tool_calls import Calls, tool_calls
from suites.oracles.verdict import Judgement, all_of, require, right, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from clusters.protocol import Cluster, Family, Node
    from fixtures.kernel_state import KernelState
    from fixtures.kube import Kube
    from fixtures.provide import Clients
    from fixtures.record import Recorder
    from fixtures.workloads import Pod, Service, Workloads
    from suites.check import Check
    from suites.oracles.budgets import Budgets

FEW, MANY = 20, 80
"""Other Services: what grows between the two grows with each."""

CHANGES = 3


@case(
    "LOAD-011",
    feature=("sync", "scale", "resources"),
    profile="load",
    level="extended",
    requires=("hand-made-endpoints", "node-access", "tool-calls"),
    reference="k/k#114181, k/k#126013, k/k#139513",
    disruptive=True,
)
def test_a_change_is_written_alone(
    cluster: Cluster,
    kube: Kube,
    workloads: Workloads,
    clients: Clients,
    nodes: Sequence[Node],
    kernel_state: KernelState,
    check: Check,
    budgets: Budgets,
    family: Family,
    recorder: Recorder,
) -> None:
    """One change starts few tools and writes of other Services at most what the mode has to.

    Nor does a packet pass more rules for each of them.
    """
    node, client = nodes[0], clients.pod(nodes[0])
    pods = workloads.pods(2, on=node)
    changing = workloads.service("changing", app=None)
    changing.set_endpoints(endpoints(pods[:1], family), ports=PORTS)
    bulk = Bulk(kube, workloads.namespace, family)
    written: dict[int, Calls] = {}
    chains: dict[int, dict[str, int]] = {}
    with tool_calls(cluster, node) as calls:
        for size in (FEW, MANY):
            bulk.grow(size)
            check.reaches(client, changing.target(), pods[:1])
            found = []
            for number in range(1, CHANGES + 1):
                workloads.until_settled("all is as it was told")
                calls.reset()
                change(changing, pods, number, check, client)
                workloads.until_settled("the change is synced")
                found.append(calls.read())
            change(changing, pods, 0, check, client)
            written[size] = typical(found)
            chains[size] = chain_lengths(kernel_state, node, family)
            recorder.observe(f"for one change among {size} Services", list(map(str, found)))
    mode = node.spec.mode
    report(recorder, written, chains, mode)
    require(
        all_of(
            few_tools(written[MANY], budgets, mode),
            alone(written, budgets, mode),
            passed_by(chains, budgets, mode),
        )
    )


def change(
    service: Service, pods: Sequence[Pod], number: int, check: Check, client: object
) -> None:
    """Lead a Service to another pod, and see connections reach it."""
    chosen = [pods[number % 2]]
    service.set_endpoints(endpoints(chosen, service.family), ports=PORTS)
    check.reaches(client, service.target(), chosen)  # type: ignore[arg-type]


def typical(found: Sequence[Calls]) -> Calls:
    """Return the change that took least: another one may have met a sync of its own accord."""
    return min(found, key=lambda calls: (calls.total, calls.lines))


def chain_lengths(state: KernelState, node: Node, family: Family) -> dict[str, int]:
    """Return how many rules each chain has of those that packets pass in the node's mode."""
    if node.spec.mode == "nftables":
        return {
            f"{name} {chain}": rules
            for name, table in state.nft(node).items()
            if "kube-proxy" in name
            for chain, rules in table.chains.items()
        }
    return {
        f"{table} {chain}": len(rules)
        for table, chains in state.iptables(node, family).items()
        for chain, rules in chains.items()
    }


def lengthened(chains: Mapping[int, Mapping[str, int]]) -> tuple[str, float]:
    """Return the chain that grew most, and by how many rules for each Service."""
    grown = {
        name: length - chains[FEW][name]
        for name, length in chains[MANY].items()
        if name in chains[FEW]
    }
    most = max(grown, key=lambda name: grown[name])
    return most, grown[most] / (MANY - FEW)


def more_lines(written: Mapping[int, Calls]) -> float:
    """Return how many lines a change writes for each other Service."""
    return (written[MANY].lines - written[FEW].lines) / (MANY - FEW)


def report(
    recorder: Recorder,
    written: Mapping[int, Calls],
    chains: Mapping[int, Mapping[str, int]],
    mode: str,
) -> None:
    """Keep the counts, for the page and for later runs."""
    recorder.observe("chains that grew", dict([lengthened(chains)]))
    recorder.figure(f"tools for a change among {MANY} Services", written[MANY].total, "count")
    recorder.figure(f"lines for a change among {MANY} Services", written[MANY].lines, "count")
    recorder.figure("rules that a packet passes for a Service", lengthened(chains)[1], "count")
    recorder.observe("mode", mode)


def few_tools(calls: Calls, budgets: Budgets, mode: str) -> Judgement:
    """Judge how many tools one change started."""
    budget = budgets.get("written", f"tools in {mode} mode")
    said = f"one change among {MANY} Services started {calls.total} tools"
    if calls.total > budget.limit:
        return wrong(f"{said} ({calls}); at most {budget.limit:g} are right")
    return right(f"{said} ({calls})")


def alone(written: Mapping[int, Calls], budgets: Budgets, mode: str) -> Judgement:
    """Judge how much a change writes of other Services."""
    budget = budgets.get("written", f"lines for each other Service in {mode} mode")
    tools = written[MANY].total - written[FEW].total
    said = (
        f"one change wrote {written[FEW].lines} lines among {FEW} Services and "
        f"{written[MANY].lines} among {MANY}, {more_lines(written):.2g} for each other Service"
    )
    if tools > 0:
        return wrong(f"one change started {tools} tools more among {MANY} Services than {FEW}")
    if more_lines(written) > budget.limit:
        return wrong(f"{said}; {budget.limit:g} is right")
    return right(said)


def passed_by(chains: Mapping[int, Mapping[str, int]], budgets: Budgets, mode: str) -> Judgement:
    """Judge how the chains grew that packets pass."""
    budget = budgets.get("written", f"rules in one chain for each Service in {mode} mode")
    name, rules = lengthened(chains)
    said = f"each Service has {rules:.2g} rules in chain {name}"
    if rules > budget.limit:
        return wrong(f"{said}, which packets pass one by one; {budget.limit:g} is right")
    return right(said)
