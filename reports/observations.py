"""What a case observed, laid out as values, bars, tables and lines for a page."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, field
from typing import Any, Literal

from markupsafe import escape

from reports import lines, svg, timeline
from reports.text import printable

ROWS = 50
"""Rows of a table that a page shows; the journal has the rest."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart: `share` is its length against the longest, 0 to 1."""

    label: str
    text: str
    share: float


@dataclass(frozen=True, slots=True)
class Block:
    """One observation, in the form that suits its value; `more` counts rows left out."""

    name: str
    kind: Literal["value", "lines", "bars", "table"]
    text: str = ""
    bars: list[Bar] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    more: int = 0
    chart: str = ""

    @property
    def size(self) -> int:
        """About how many bytes this takes in a page."""
        cells = sum(len(escape(cell)) + 30 for row in self.rows for cell in row)
        bars = sum(len(escape(bar.label)) + 180 for bar in self.bars)
        return 200 + len(escape(self.text)) + len(self.chart) + cells + bars


def lay_out(name: str, value: Any) -> Block:
    """Choose the form for a value that came out of JSON."""
    name = printable(name)
    if picture := _picture(name, value):
        return picture
    match value:
        case dict() if value:
            return _mapping(name, value)
        case [dict() | list(), *_] if len({type(row) for row in value}) == 1:
            return _rows(name, value)
        case [_, _, _, _, *_] if all(map(_is_number, value)):
            return _series(name, value)
        case str() if "\n" in value.strip():
            return Block(name, "lines", text=printable(value).strip("\n"))
        case _:
            return Block(name, "value", text=shown(value))


def shown(value: Any) -> str:
    """Write one value: numbers with thousands and four digits, nothing as a dash."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float():
            few = isinstance(value, float) and abs(value) < 10_000
            return f"{value:,.4g}" if few else f"{value:,.0f}"
        case str():
            return printable(value)
        case list() if all(isinstance(item, str | int | float | None) for item in value):
            return ", ".join(map(shown, value)) or "none"
        case _:
            return "\u2013" if value is None else printable(json.dumps(value, ensure_ascii=False))


def _told(value: dict[str, Any]) -> str:
    lanes = value["lanes"]
    answered, failed = (sum(sum(lane[key]) for lane in lanes) for key in ("answered", "failed"))
    return f"{answered:,} attempts were answered, {failed:,} failed, in {shown(value['seconds'])} s"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _mapping(name: str, value: dict[str, Any]) -> Block:
    if all(_is_number(item) and item >= 0 for item in value.values()):
        return _bars(name, value)
    return _table(name, [], [[key, item] for key, item in value.items()])


def _picture(name: str, value: Any) -> Block | None:
    """Draw what is written to be drawn."""
    if timeline.is_timeline(value):
        return Block(name, "value", text=_told(value), chart=timeline.draw(value))
    if drawn := _lines(value):
        return Block(name, "value", chart=drawn)
    return None


def _lines(value: Any) -> str:
    """Draw {"series": {name: [[x, y], ...]}, "x": title, "y": title, "log": "xy", "marks": {}}.

    Returns nothing for any other value.
    """
    match value:
        case {"series": dict() as series, "x": str(x), "y": str(y)}:
            log = str(value.get("log", ""))
            chart = lines.Chart(
                {key: [(float(a), float(b)) for a, b in points] for key, points in series.items()},
                lines.Axis(x, log="x" in log),
                lines.Axis(y, log="y" in log),
                value.get("marks") or {},
            )
            return lines.draw(chart)
        case _:
            return ""


def _rows(name: str, rows: list[Any]) -> Block:
    if isinstance(rows[0], list):
        return _table(name, [], rows)
    header = list(dict.fromkeys(key for row in rows for key in row))
    return _table(name, header, [[row.get(key) for key in header] for row in rows])


def _bars(name: str, values: dict[str, float]) -> Block:
    peak = max(values.values()) or 1
    kept = list(values.items())[:ROWS]
    bars = [Bar(printable(label), shown(value), value / peak) for label, value in kept]
    return Block(name, "bars", bars=bars, more=len(values) - len(kept))


def _table(name: str, header: list[str], rows: list[list[Any]]) -> Block:
    kept = [[shown(cell) for cell in row] for row in rows[:ROWS]]
    return Block(
        name, "table", header=list(map(printable, header)), rows=kept, more=len(rows) - len(kept)
    )


def _series(name: str, values: list[float]) -> Block:
    low, middle, high = min(values), statistics.median(values), max(values)
    text = f"{len(values):,} values: least {shown(low)}, median {shown(middle)}, most {shown(high)}"
    return Block(name, "value", text=text, chart=svg.sparkline(values))
