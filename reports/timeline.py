"""The timeline of an experiment as inline SVG: attempts by load, with faults and changes over them.

The data is what a case observed as `timeline`: {"seconds", "lanes": [{"name", "answered",
"failed"}], "spans": [{"name", "kind", "start", "end"}]}, counts by bin, seconds from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reports.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH, _LABELS, _RIGHT = 760, 130, 8
_LANE, _BAR, _ROW = 34, 26, 15
_AXIS = 18
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)


def is_timeline(value: object) -> bool:
    """Tell whether a value that was observed can be drawn as a timeline."""
    return isinstance(value, dict) and {"seconds", "lanes", "spans"} == set(value)


def draw(value: Mapping[str, Any]) -> Markup:
    """Draw one timeline; spans of changes are thin lines, faults are bands with a name."""
    seconds = max(float(value["seconds"]), 0.001)
    faults = [span for span in value["spans"] if span["kind"] != "change"]
    changes = [span for span in value["spans"] if span["kind"] == "change"]
    top = _ROW * len(faults) + 4
    bottom = top + _LANE * len(value["lanes"])
    parts = [_fault(span, number, bottom, seconds) for number, span in enumerate(faults)]
    parts += [_change(span, top, bottom, seconds) for span in changes]
    parts += [
        _lane(lane, top + number * _LANE, seconds) for number, lane in enumerate(value["lanes"])
    ]
    parts.append(_axis(seconds, bottom))
    return Markup(
        '<svg class="chart timeline" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="timeline of the experiment">{parts}</svg>'
    ).format(width=_WIDTH, height=bottom + _AXIS, parts=Markup().join(parts))


def _x(at: float, seconds: float) -> float:
    room = _WIDTH - _LABELS - _RIGHT
    return _LABELS + room * min(max(at / seconds, 0.0), 1.0)


def _fault(span: Mapping[str, Any], number: int, bottom: int, seconds: float) -> Markup:
    left, right = _x(float(span["start"]), seconds), _x(float(span["end"]), seconds)
    name, top = printable(str(span["name"])), number * _ROW
    # A name begins at its band, or ends there where the page would cut it.
    near_end = left > _WIDTH * 0.6
    return Markup(
        "<g><title>{name}: {start:.2f} to {end:.2f} s</title>"
        '<rect class="fault" x="{left:.1f}" y="{y}" width="{width:.1f}" height="{height}"/>'
        '<text x="{text:.1f}" y="{base}" text-anchor="{anchor}">{name}</text></g>'
    ).format(
        name=name,
        start=float(span["start"]),
        end=float(span["end"]),
        left=left,
        y=top,
        width=max(1.5, right - left),
        height=bottom - top,
        text=left - 4 if near_end else left + 4,
        anchor="end" if near_end else "start",
        base=top + 11,
    )


def _change(span: Mapping[str, Any], top: int, bottom: int, seconds: float) -> Markup:
    at = _x(float(span["end"]), seconds)
    return Markup(
        "<g><title>{name}: {end:.2f} s</title>"
        '<rect class="change" x="{x:.1f}" y="{y}" width="1.2" height="{height}"/></g>'
    ).format(
        name=printable(str(span["name"])), end=float(span["end"]), x=at, y=top, height=bottom - top
    )


def _lane(lane: Mapping[str, Any], top: int, seconds: float) -> Markup:
    answered: Sequence[int] = lane["answered"]
    failed: Sequence[int] = lane["failed"]
    peak = max((a + b for a, b in zip(answered, failed, strict=True)), default=0) or 1
    base = top + _BAR + 4
    bars = [
        Markup('<text class="label" x="{x}" y="{y}">{name}</text>').format(
            x=_LABELS - 8, y=base - 8, name=printable(str(lane["name"]))
        ),
        _steps(answered, peak, base, "passed"),
        _steps(failed, peak, base, "failed"),
    ]
    del seconds
    return Markup().join(bars)


def _steps(counts: Sequence[int], peak: int, base: int, style: str) -> Markup:
    """Draw a series of bars as one path, which is a tenth of the bytes of as many rectangles."""
    step = (_WIDTH - _LABELS - _RIGHT) / max(1, len(counts))
    drawn = []
    for number, count in enumerate(counts):
        if count:
            left = _LABELS + number * step
            height = max(2.0, _BAR * count / peak)
            drawn.append(f"M{left:.1f} {base}v-{height:.1f}h{step:.1f}v{height:.1f}z")
    if not drawn:
        return Markup()
    return Markup('<path class="{style}" d="{path}"/>').format(style=style, path="".join(drawn))


def _axis(seconds: float, bottom: int) -> Markup:
    tick = next((t for t in _TICKS if seconds / t <= 8), seconds)
    marks = []
    at = 0.0
    while at <= seconds:
        marks.append(
            Markup('<text class="tick" x="{x:.1f}" y="{y}">{at:g} s</text>').format(
                x=_x(at, seconds), y=bottom + 13, at=round(at, 3)
            )
        )
        at += tick
    return Markup().join(marks)
