"""The report as one page that needs no network, no script and no other file."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from reports import facts, lines, svg
from reports.files import write_whole
from reports.model import BuildKind, Outcome
from reports.observations import Block, lay_out
from reports.text import plural, printable, seconds, shortened
from reports.verdicts import judge, of_outcome, sections, tally

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reports.model import CaseResult, NodeInfo, Run, Trend

BODY_BUDGET = 2_000_000
"""Bytes of evidence in a page, so that it stays below 3 MB; the most telling cases come first."""

MOST_TRENDS = 24
"""Pictures of figures over time; those that changed come first."""

_TEXT = 12_000
_SENTENCE = 600
_SLOWEST = 10
_ORDER = (
    Outcome.FAILED,
    Outcome.INCONCLUSIVE,
    Outcome.PASSED,
    Outcome.NOT_OFFERED,
    Outcome.SKIPPED,
)
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(slots=True)
class CaseView:
    """A case as the page shows it; `cut` when the page has no room for its evidence."""

    result: CaseResult
    detail: str = ""
    log: str = ""
    blocks: list[Block] = field(default_factory=list)
    cut: bool = False


def write_html(run: Run, path: Path) -> None:
    """Write the page of a run; raises OSError where the file cannot be written."""
    write_whole(path, page(run).encode())


def page(run: Run) -> str:
    """Render the page of a run."""
    judgement = judge(run)
    verdict = run.build_verdict
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            info=run.info,
            judgement=judgement,
            judged=verdict is None or verdict.kind is BuildKind.JUDGED,
            what=facts.judged(run),
            lines=[facts.build_line(run), facts.environment_line(run)],
            facts=facts.everything(run),
            nodes=_distinct_nodes(run.info.nodes),
            sections=sections(run),
            counts=tally(run.results),
            outcomes=list(Outcome),
            order=_ORDER,
            cases=case_views(run),
            reasons={
                outcome: facts.by_reason(of_outcome(run, outcome))
                for outcome in (Outcome.NOT_OFFERED, Outcome.SKIPPED)
            },
            slowest=_slowest(run),
            steps=_steps(run),
            trends=trend_views(run.trends[:MOST_TRENDS]),
            more_trends=max(0, len(run.trends) - MOST_TRENDS),
        )
    )


def write_trends(trends: Sequence[Trend], path: Path) -> None:
    """Write a page of nothing but trends; raises OSError where the file cannot be written."""
    template = environment().get_template("trend.html.j2")
    write_whole(path, template.render(trends=trend_views(trends)).encode())


def trend_views(trends: Sequence[Trend]) -> list[tuple[Trend, str]]:
    """Return trends with their pictures."""
    return [(trend, draw_trend(trend)) for trend in trends]


def draw_trend(trend: Trend) -> str:
    """Draw a figure run by run, in another colour from each of its steps on."""
    edges = [0, *trend.steps, len(trend.values)]
    series = {
        (f"since {trend.labels[start][:16]}" if start else "at first"): [
            (float(at), trend.values[at]) for at in range(start, end)
        ]
        for start, end in pairwise(edges)
    }
    unit = "" if trend.unit == "count" else trend.unit
    return str(lines.draw(lines.Chart(series, lines.Axis("run"), lines.Axis(unit))))


@functools.cache
def environment() -> jinja2.Environment:
    """Return the templates' environment: everything escaped, nothing undefined goes unnoticed."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        seconds=seconds,
        numeric=_is_number,
        words=lambda name: str(name).replace("-", " "),
        brief=lambda text: shortened(printable(text).strip(), _SENTENCE),
        short=lambda text: shortened(printable(text).strip("\n"), _TEXT),
    )
    made.globals.update(plural=plural, css=Markup((_TEMPLATES / "page.css").read_text()))  # noqa: S704
    return made


def _shown(value: object) -> object:
    # Markup is a str too, but one of our own making.
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").lstrip("-").isdigit()


def case_views(run: Run, budget: int = BODY_BUDGET) -> list[CaseView]:
    """Prepare the cases, failed ones first, with evidence while the budget (bytes) lasts."""
    views = []
    for result in sorted(run.results, key=lambda result: _ORDER.index(result.outcome)):
        detail, log = (
            shortened(printable(text), _TEXT) for text in (result.detail, result.log_tail)
        )
        blocks = [lay_out(name, value) for name, value in result.observations.items()]
        cost = len(escape(detail + log)) + sum(block.size for block in blocks)
        if cost > budget:
            views.append(CaseView(result, cut=True))
            continue
        budget -= cost
        views.append(CaseView(result, detail.strip("\n"), log.strip("\n"), blocks))
    return views


def _distinct_nodes(nodes: list[NodeInfo]) -> list[tuple[str, NodeInfo]]:
    groups: dict[tuple[object, ...], list[NodeInfo]] = {}
    for node in nodes:
        groups.setdefault((node.kernel, node.mode, node.build, node.scheduler), []).append(node)
    return [(", ".join(node.name for node in group), group[0]) for group in groups.values()]


def _slowest(run: Run) -> Markup:
    ran = [result for result in run.results if result.duration_s > 0]
    ran.sort(key=lambda result: result.duration_s, reverse=True)
    rows = [
        svg.Row(
            printable(f"{result.key} {result.case.name}"),
            result.duration_s,
            seconds(result.duration_s),
            result.outcome.value,
        )
        for result in ran[:_SLOWEST]
    ]
    return svg.bar_chart(rows, title="slowest cases")


def _steps(run: Run) -> Markup:
    rows = [
        svg.Row(printable(step.name), step.seconds, seconds(step.seconds))
        for step in run.setup_steps
    ]
    return svg.bar_chart(rows, title="time of the steps of setting up")
