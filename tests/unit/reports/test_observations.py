"""Observations, laid out by what they are."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from reports import svg
from reports.observations import Bar, lay_out, shown


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"a": 1, "b": 2.5}, "bars"),
        ({"a": 1, "b": "x"}, "table"),
        ({"a": -1, "b": 2}, "table"),
        ({"a": True}, "table"),
        ([{"a": 1}, {"b": 2}], "table"),
        ([[1, 2], [3, 4]], "table"),
        ([[1], {"a": 1}], "value"),
        ("two\nlines", "lines"),
        ("one line\n", "value"),
        ([1, 2, 3], "value"),
        ([], "value"),
        ({}, "value"),
        (None, "value"),
    ],
)
def test_kind(value: Any, kind: str) -> None:
    """Numbers by name are bars, rows are a table, the rest is shown as it is."""
    assert kind == lay_out("x", value).kind


def test_bars() -> None:
    """Bars are as long as their share of the longest, also when all are zero."""
    assert lay_out("x", {"a": 1, "b": 4}).bars == [Bar("a", "1", 0.25), Bar("b", "4", 1.0)]
    assert lay_out("x", {"a": 0}).bars == [Bar("a", "0", 0.0)]


def test_table_lines_up() -> None:
    """Rows with different names share one header, and what a row lacks is a dash."""
    block = lay_out("x", [{"a": 1}, {"b": "y"}])

    assert (block.header, block.rows) == (["a", "b"], [["1", "\u2013"], ["\u2013", "y"]])


def test_long_table_is_cut() -> None:
    """A table keeps its first fifty rows and counts the others."""
    block = lay_out("x", [[number] for number in range(61)])

    assert (len(block.rows), block.more) == (50, 11)


def test_series_is_summed_up() -> None:
    """A series shows its range and a line."""
    block = lay_out("x", [4, 1, 2, 3, 10])

    assert block.text == "5 values: least 1, median 3, most 10"
    assert "<polyline" in block.chart


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.000012345, "1.234e-05"),
        (12345.678, "12,346"),
        (["a", 1, None], "a, 1, \u2013"),
        ([], "none"),
        ({"a": [1]}, '{"a": [1]}'),
    ],
)
def test_shown(value: Any, text: str) -> None:
    """Values are written for people."""
    assert text == shown(value)


def test_bar_chart_is_to_scale() -> None:
    """Bars are proportional to their values, and labels are escaped."""
    chart = svg.bar_chart([svg.Row("<a>", 4.0, "4 s"), svg.Row("b", 1.0, "1 s")], title="t")
    root = ET.fromstring(chart)  # noqa: S314  it was made a line above
    long, short = (float(bar.get("width", "0")) for bar in root.iter("rect"))

    assert long == pytest.approx(4 * short)
    assert root.findtext("g/title") == "<a>: 4 s"


def test_charts_of_nothing_and_of_zero() -> None:
    """No rows give no chart, and zeros do not divide."""
    assert not svg.bar_chart([], title="t")
    assert "<rect" in svg.bar_chart([svg.Row("a", 0.0, "0")], title="t")
    assert "0.0,30.0" in svg.sparkline([5, 5, 5])


def test_long_series_keeps_its_spike() -> None:
    """Thinning a long series keeps its extremes and stays small."""
    values = [1.0] * 100_000
    values[54_321] = 9.0
    line = svg.sparkline(values)

    assert ",2.0 " in line
    assert len(line) < 6_000
