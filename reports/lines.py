"""Line charts as inline SVG: distributions by percentile, growth over the number of Services."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from reports.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 12, 34
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis: its title, and whether it is logarithmic."""

    title: str
    log: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Several series of points over the same axes, by name."""

    series: Mapping[str, Sequence[Point]]
    x: Axis
    y: Axis
    marks: Mapping[str, float] = field(default_factory=dict)
    """Heights to draw a dashed line at, by name, such as a budget."""


def draw(chart: Chart) -> Markup:
    """Draw a chart; empty without points."""
    points = [point for series in chart.series.values() for point in series]
    if not points:
        return Markup()
    across = _scale(chart.x, [x for x, _ in points], LEFT, WIDTH - RIGHT)
    heights = [y for _, y in points] + list(chart.marks.values())
    up = _scale(chart.y, heights, HEIGHT - BOTTOM, TOP)
    parts = [_frame(), *_ticks(chart, points, heights, across, up)]
    for index, (name, series) in enumerate(chart.series.items()):
        parts.append(_series(printable(name), series, across, up, index))
    for name, height in chart.marks.items():
        parts.append(_mark(printable(name), up(height)))
    return Markup(
        '<svg class="lines" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" role="img" '
        'aria-label="{title}" font-family="sans-serif" font-size="11">{parts}</svg>'
    ).format(
        w=WIDTH,
        h=HEIGHT,
        title=f"{chart.y.title} by {chart.x.title}",
        parts=Markup().join(parts),
    )


def _scale(axis: Axis, values: Sequence[float], start: int, end: int) -> Callable[[float], float]:
    """Map values to pixels; a logarithmic axis leaves out what is not positive."""
    shape = math.log10 if axis.log else float
    least = min((v for v in values if v > 0), default=1.0) if axis.log else min(0.0, *values)
    low, high = shape(least), shape(max(*values, least))
    span = (high - low) or 1.0
    return lambda value: start + (end - start) * (shape(max(value, least)) - low) / span


def _frame() -> Markup:
    return Markup(
        '<path d="M{l} {t}V{b}H{r}" fill="none" stroke="currentColor" stroke-opacity=".4"/>'
    ).format(l=LEFT, t=TOP, b=HEIGHT - BOTTOM, r=WIDTH - RIGHT)


def _ticks(
    chart: Chart,
    points: Sequence[Point],
    heights: Sequence[float],
    across: Callable[[float], float],
    up: Callable[[float], float],
) -> list[Markup]:
    base = HEIGHT - BOTTOM + 14
    xs = nice(chart.x, [x for x, _ in points])
    made = [_text(across(value), base, _number(value), "middle") for value in xs]
    for value in nice(chart.y, heights):
        made.append(_text(LEFT - 6, up(value) + 4, _number(value), "end"))
        made.append(
            Markup('<path d="M{l} {y:.1f}H{r}" stroke="currentColor" stroke-opacity=".1"/>').format(
                l=LEFT, r=WIDTH - RIGHT, y=up(value)
            )
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    made.append(_text(middle, HEIGHT - 4, printable(chart.x.title), "middle"))
    made.append(_text(4, TOP - 1, printable(chart.y.title), "start"))
    return made


def nice(axis: Axis, values: Sequence[float]) -> list[float]:
    """Return where ticks stand: decades, or about five round steps."""
    top = max(values)
    if axis.log:
        least = min((v for v in values if v > 0), default=1.0)
        first, last = (
            math.ceil(math.log10(least) - 1e-9),
            math.floor(math.log10(max(top, least)) + 1e-9),
        )
        return [10.0**power for power in range(first, last + 1)] or [least]
    bottom = min(0.0, *values)
    span = (top - bottom) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 5)
    return [step * count for count in range(math.ceil(bottom / step), int(top / step) + 1)]


def _series(
    name: str,
    series: Sequence[Point],
    across: Callable[[float], float],
    up: Callable[[float], float],
    index: int,
) -> Markup:
    colour = COLOURS[index % len(COLOURS)]
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in series)
    dots = Markup().join(
        Markup(
            '<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{c}"><title>{t}</title></circle>'
        ).format(x=across(x), y=up(y), c=colour, t=f"{name}: {_number(x)}, {_number(y)}")
        for x, y in series
    )
    row = TOP + 8 + 16 * index
    return Markup(
        '<polyline points="{path}" fill="none" stroke="{c}" stroke-width="1.8"/>{dots}'
        '<path d="M{x} {y}h16" stroke="{c}" stroke-width="2"/>{label}'
    ).format(
        path=path,
        c=colour,
        dots=dots,
        x=WIDTH - RIGHT + 10,
        y=row,
        label=_text(WIDTH - RIGHT + 30, row + 4, name, "start"),
    )


def _mark(name: str, height: float) -> Markup:
    return Markup(
        '<path d="M{l} {y:.1f}H{r}" stroke="#dc2626" stroke-dasharray="5 4"/>{label}'
    ).format(
        l=LEFT,
        r=WIDTH - RIGHT,
        y=height,
        label=_text(WIDTH - RIGHT + 4, height + 4, name, "start"),
    )


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(
        '<text x="{x:.1f}" y="{y:.1f}" text-anchor="{a}" fill="currentColor">{t}</text>'
    ).format(x=x, y=y, a=anchor, t=text)


def _number(value: float) -> str:
    if value and abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
