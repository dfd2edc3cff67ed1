"""Line charts: well-formed, to scale, and safe."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from reports.lines import HEIGHT, WIDTH, Axis, Chart, draw, nice
from reports.observations import lay_out

CHART = Chart(
    {"iptables": [(100, 1.0), (1000, 10.0)], "ipvs <&>": [(100, 1.0), (1000, 1.0)]},
    Axis("Services"),
    Axis("ms"),
    {"budget": 5.0},
)


def drawn(chart: Chart) -> ET.Element:
    return ET.fromstring(draw(chart))  # noqa: S314 - our own


def test_a_chart_is_an_image_with_all_series() -> None:
    """Every series has a line, a legend and its points; names are escaped."""
    root = drawn(CHART)
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert len(lines) == 2
    assert {"iptables", "ipvs <&>", "budget", "Services", "ms"} <= set(texts)


def test_points_lie_inside() -> None:
    """No point is outside the picture, and a larger value is higher up."""
    root = drawn(CHART)
    dots = [(float(e.attrib["cx"]), float(e.attrib["cy"])) for e in root.iter() if "cx" in e.attrib]
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in dots)
    assert dots[1][1] < dots[0][1]


def test_logarithmic_axes_leave_out_nothing_and_zero() -> None:
    """Zero on a logarithmic axis lies at its least value."""
    chart = Chart(
        {"a": [(1, 0.0), (10, 0.1), (100, 10.0)]}, Axis("x", log=True), Axis("y", log=True)
    )
    dots = [e.attrib for e in drawn(chart).iter() if "cx" in e.attrib]
    assert dots[0]["cy"] == dots[1]["cy"]


def test_nothing_is_no_picture() -> None:
    """Without points there is nothing to draw."""
    assert not draw(Chart({"a": []}, Axis("x"), Axis("y")))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [([0, 10], [0, 2, 4, 6, 8, 10]), ([0, 0.9], [0, 0.2, 0.4, 0.6, 0.8]), ([0, 0], [0])],
)
def test_ticks_are_round(values: list[float], ticks: list[float]) -> None:
    """Steps are 1, 2 or 5 times a power of ten."""
    assert nice(Axis("x"), values) == pytest.approx(ticks)


def test_an_observation_becomes_a_picture() -> None:
    """Series with titles of axes are drawn, what else is like that stays a table."""
    value = {"series": {"a": [[0, 1], [1, 2]]}, "x": "Services", "y": "ms", "log": "y"}
    assert "<svg" in lay_out("latency", value).chart
    assert not lay_out("latency", {"series": 1, "x": 2}).chart
