"""Text from builds and kernels, made fit to show."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.text import ascii_only, decodable, last_lines, plural, printable, seconds, shortened


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("bell\x07", "bell\\x07"),
        ("nul\x00", "nul\\x00"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("tab\tstays", "tab\tstays"),
        ("c1\x9b31m", "c1\\x9b31m"),
        ("odd\ufffe", "odd\\ufffe"),
        ("caf\u00e9 \u2265 \U0001f4e6", "caf\u00e9 \u2265 \U0001f4e6"),
    ],
)
def test_printable(raw: str, clean: str) -> None:
    """Colours go, control characters are spelled out, letters of any language stay."""
    assert clean == printable(raw)


@given(st.text(st.characters(codec=None)))
def test_printable_is_always_valid_xml(raw: str) -> None:
    """Whatever a build wrote, the cleaned text survives XML unchanged."""
    clean = printable(raw)
    element = ET.Element("text", value=clean)
    element.text = clean
    back = ET.fromstring(ET.tostring(element))  # noqa: S314  it was written a line above

    assert (clean, clean) == (back.text or "", back.get("value"))


def test_bytes_that_are_no_utf8() -> None:
    """A lone surrogate, as surrogateescape leaves it, becomes its escape."""
    assert decodable(b"a\xff".decode("utf-8", "surrogateescape")) == "a\\udcff"


def test_ascii_only() -> None:
    """An ASCII terminal gets likenesses, and a question mark for the rest."""
    assert ascii_only("a \u2265 b \u2192 c \u2026 \u4e16") == "a >= b -> c ... ?"


def test_shortened_keeps_both_ends() -> None:
    """A long text keeps its beginning and its end and says how much is gone."""
    short = shortened("a" * 500 + "z" * 500, 90)

    assert short.startswith("a" * 60 + "\n")
    assert short.endswith("\n" + "z" * 30)
    assert "910 characters left out" in short


def test_shortened_leaves_short_text() -> None:
    """A text within the limit stays as it is."""
    assert shortened("x" * 90, 90) == "x" * 90


def test_last_lines() -> None:
    """The last lines are those that say something, without colours."""
    assert last_lines("a\nb\n\x1b[31mc\x1b[0m\n\n \n", 2) == ["b", "c"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00 s"),
        (0.994, "0.99 s"),
        (0.999, "1.0 s"),
        (9.949, "9.9 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "1 min 40 s"),
        (3599.6, "1 h 0 min"),
        (7260, "2 h 1 min"),
    ],
)
def test_seconds(value: float, text: str) -> None:
    """Times are rounded to what matters at their size, without 60 s or 100 s."""
    assert text == seconds(value)


def test_plural() -> None:
    """One is singular, none and many are plural."""
    assert [plural(n, "case") for n in (0, 1, 1200)] == ["0 cases", "1 case", "1,200 cases"]
