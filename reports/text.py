"""Text that a build, a kernel or a test wrote, made fit for a terminal, XML and a page."""

from __future__ import annotations

import re

# Escape sequences as terminals know them (ECMA-48): CSI, OSC, and the two-character ones.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")

# What XML 1.0 section 2.2 forbids, and the C1 controls which terminals obey.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_ASCII: dict[str, str | int | None] = {
    "\u2026": "...",
    "\u2192": "->",
    "\u2190": "<-",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u00d7": "x",
    "\u00b1": "+/-",
    "\u00b5": "u",
    "\u2013": "-",
    "\u2014": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00b7": "-",
}


def decodable(value: object) -> object:
    """Return text with lone surrogates (bytes that were no UTF-8) spelled out; others as given."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def printable(text: str) -> str:
    r"""Drop colours, unify line ends and spell other control characters (`\x00`)."""
    plain = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub(lambda found: _spelled(found.group()), plain)


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def ascii_only(text: str) -> str:
    """Return `text` for a terminal that shows ASCII only; what has no likeness becomes `?`."""
    return text.translate(str.maketrans(_ASCII)).encode("ascii", "replace").decode("ascii")


def shortened(text: str, limit: int) -> str:
    """Cut the middle out of a text longer than `limit` characters, and say how much is gone."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 3, limit - limit * 2 // 3
    gone = len(text) - head - tail
    return f"{text[:head]}\n[... {gone:,} characters left out, see run.jsonl ...]\n{text[-tail:]}"


def last_lines(text: str, count: int) -> list[str]:
    """Return the last `count` lines that say something, blank ones at the end left out."""
    return printable(text).rstrip().splitlines()[-count:]


def seconds(value: float) -> str:
    """Write a time in seconds as people read it: `0.04 s`, `7.3 s`, `48 s`, `3 min 8 s`."""
    if value < 0.995:
        return f"{value:.2f} s"
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 100:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: `1 case`, `1,200 cases`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
