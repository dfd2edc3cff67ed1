"""The picture of an experiment: what is drawn, and that it is well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from reports.observations import lay_out
from reports.timeline import draw, is_timeline

VALUE: dict[str, Any] = {
    "seconds": 12.0,
    "lanes": [
        {"name": "pod", "answered": [3, 3, 0, 3], "failed": [0, 0, 2, 0]},
        {"name": "<outside>", "answered": [1, 1, 1, 1], "failed": [0, 0, 0, 0]},
    ],
    "spans": [
        {"name": "Frozen on node-2", "kind": "fault", "start": 3.0, "end": 6.0},
        {"name": "late & long", "kind": "outage", "start": 11.0, "end": 99.0},
        {"name": "+a -b", "kind": "change", "start": 4.0, "end": 4.1},
    ],
}


def test_every_fault_change_and_load_is_drawn() -> None:
    """Faults are bands with their names, changes lines, and failures have a colour of their own."""
    drawn = ET.fromstring(draw(VALUE))  # noqa: S314 - our own
    texts = [element.text for element in drawn.iter("text")]
    assert {"Frozen on node-2", "late & long", "pod", "<outside>"} <= set(texts)
    styles = [element.get("class") for element in [*drawn.iter("rect"), *drawn.iter("path")]]
    assert styles.count("fault") == 2
    assert styles.count("change") == 1
    assert (styles.count("passed"), styles.count("failed")) == (2, 1)


def test_nothing_leaves_the_picture() -> None:
    """A fault without an end goes to the edge and no further."""
    drawn = ET.fromstring(draw(VALUE))  # noqa: S314 - our own
    for rect in drawn.iter("rect"):
        assert float(rect.get("x", "0")) + float(rect.get("width", "0")) <= 760


def test_observations_have_their_picture() -> None:
    """A report lays a timeline out as a picture with its figures in words."""
    assert is_timeline(VALUE)
    assert not is_timeline({"seconds": 1.0})
    block = lay_out("timeline", VALUE)
    assert block.text == "13 attempts were answered, 2 failed, in 12 s"
    assert "<svg" in block.chart


def test_an_experiment_without_attempts_has_a_picture() -> None:
    """No lane and no span are no error."""
    ET.fromstring(draw({"seconds": 0.0, "lanes": [], "spans": []}))  # noqa: S314 - our own
