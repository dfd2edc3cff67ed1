"""The comparison as docs/upstream-e2e.md and on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table

from tests.upstream.compare import NOT_RUN, Agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.upstream.compare import Row, Totals
    from tests.upstream.junit import Found

HEAD = """# Upstream's end-to-end tests beside this suite

Kubernetes has tests of Services of its own: the specs `[sig-network] Services` of
`k8s.io/kubernetes/test/e2e`. `tox -e upstream-e2e` builds them from the Go modules, runs them on a
kind cluster, runs the cases that judge the same behaviour on the same cluster and the same
kube-proxy, and compares the verdicts ([how](clusters.md#upstreams-own-tests)). Each section is what
`python -m tests.upstream --docs FILE` wrote of a run.

The seconds of a spec are those of upstream's report, with the making of its namespace; those of a
case are its own. Specs run one after another, cases beside each other.
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run of both on one cluster; `wall` are the seconds from the first case to the last."""

    mode: str
    build: str
    version: str
    nodes: int
    rows: tuple[Row, ...]
    totals: Totals
    wall: float


def said(found: Found) -> str:
    """Return a verdict with its seconds, or without where nothing ran."""
    if found == NOT_RUN:
        return "–"  # noqa: RUF001 - as tables have it
    return f"{found.outcome}, {found.seconds:.1f} s"


def sum_up(comparison: Comparison) -> str:
    """Return the comparison in one sentence."""
    totals = comparison.totals
    open_rows = [row for row in comparison.rows if row.missing]
    agreement = (
        "all agree"
        if totals.agreed == totals.compared
        else (f"{totals.compared - totals.agreed} disagree")
    )
    tail = f"; meant to be compared, and not: {len(open_rows)}" if open_rows else ""
    return (
        f"{totals.compared} upstream specs in {totals.upstream:.0f} s, the same behaviours by "
        f"proxyproof in {comparison.wall:.0f} s ({totals.ours:.0f} s of cases, beside each other); "
        f"{agreement}{tail}"
    )


def section(comparison: Comparison) -> str:
    """Return the part of the page that one run is."""
    lines = [
        f"## {comparison.mode}, kube-proxy {comparison.build}",
        "",
        f"Kubernetes {comparison.version}, {comparison.nodes} nodes. {sum_up(comparison)}.",
        "",
        "| upstream's spec | cases | upstream | proxyproof | |",
        "|---|---|---|---|---|",
    ]
    compared = [row for row in comparison.rows if row.agreement is not Agreement.OPEN]
    for row in compared:
        verdicts = (said(row.upstream), said(row.ours), row.agreement)
        cells = (row.spec.text, ", ".join(row.spec.cases), *verdicts)
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    others = [row for row in comparison.rows if row.agreement is Agreement.OPEN]
    if others:
        lines += ["", "Not compared:", ""]
        lines += ["| upstream's spec | upstream | why |", "|---|---|---|"]
    for row in others:
        lines.append(f"| {row.spec.text} | {said(row.upstream)} | {row.note} |")
    notes = [row for row in compared if row.note]
    lines += ["", "What failed:", ""] if notes else []
    lines += [f"- {row.spec.text}: {row.note}" for row in notes]
    return "\n".join(lines) + "\n"


def page(sections: Sequence[str]) -> str:
    """Return the page."""
    return "\n".join([HEAD, *sections])


def table(comparison: Comparison) -> Table:
    """Return the comparison for a terminal."""
    made = Table("upstream's spec", "cases", "upstream", "proxyproof", "")
    for row in comparison.rows:
        cases = ", ".join(row.spec.cases) or "–"  # noqa: RUF001 - as tables have it
        style = "red" if row.agreement is Agreement.DISAGREE or row.missing else ""
        made.add_row(
            row.spec.text, cases, said(row.upstream), said(row.ours), row.agreement, style=style
        )
    return made
