"""The charts of a page, as inline SVG that takes its colours from the page and prints as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 760
_LABELS = 300
_VALUES = 76
_ROW = 26
_POINTS = 300


@dataclass(frozen=True, slots=True)
class Row:
    """A bar: its label, its value, the value as text, and the style class of the bar."""

    label: str
    value: float
    text: str
    style: str = "plain"


def bar_chart(rows: Sequence[Row], *, title: str) -> Markup:
    """Draw horizontal bars from zero, longest as wide as the chart; empty without rows."""
    if not rows:
        return Markup()
    peak = max(row.value for row in rows) or 1.0
    room = _WIDTH - _LABELS - _VALUES
    bars = [_bar(row, at * _ROW, max(2.0, room * row.value / peak)) for at, row in enumerate(rows)]
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        "{bars}</svg>"
    ).format(width=_WIDTH, height=_ROW * len(rows), title=title, bars=Markup().join(bars))


def _bar(row: Row, top: int, length: float) -> Markup:
    return Markup(
        '<g><title>{label}: {text}</title><text class="label" x="{end}" y="{base}">{short}</text>'
        '<rect class="{style}" x="{left}" y="{y}" width="{length:.1f}" height="14" rx="2"/>'
        '<text class="value" x="{after:.1f}" y="{base}">{text}</text></g>'
    ).format(
        label=row.label,
        text=row.text,
        short=_fitted(row.label),
        style=row.style,
        end=_LABELS - 10,
        left=_LABELS,
        y=top + 6,
        base=top + 17,
        length=length,
        after=_LABELS + length + 8,
    )


def _fitted(label: str, room: int = 42) -> str:
    return label if len(label) <= room else f"{label[: room - 1]}\u2026"


def sparkline(values: Sequence[float]) -> Markup:
    """Draw a series as a small line; of a long one the extremes of each stretch are kept."""
    points = _thinned(values)
    low, high = min(points), max(points)
    span = (high - low) or 1.0
    step = 240 / max(1, len(points) - 1)
    path = " ".join(
        f"{at * step:.1f},{30 - 28 * (value - low) / span:.1f}" for at, value in enumerate(points)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 240 32" aria-hidden="true">'
        '<polyline points="{path}"/></svg>'
    ).format(path=path)


def _thinned(values: Sequence[float]) -> list[float]:
    if len(values) <= _POINTS:
        return list(values)
    stretch = -(-len(values) * 2 // _POINTS)
    kept: list[float] = []
    for start in range(0, len(values), stretch):
        part = values[start : start + stretch]
        kept += [min(part), max(part)]
    return kept
