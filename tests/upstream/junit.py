"""What upstream's test binary found, from the junit_01.xml that it writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from tests.upstream.mapping import text_of

if TYPE_CHECKING:
    from pathlib import Path

_KUBECTL = re.compile(r"\S*/kubectl(?: --(?:server|kubeconfig)=\S+)*")

BROKEN = ("failure", "error")


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict with its seconds; `sentence` is why it failed or was skipped."""

    outcome: str
    seconds: float
    sentence: str = ""


class ReportError(RuntimeError):
    """The report is none, or one of a suite that did not get to its specs."""


def read(path: Path) -> dict[str, Found]:
    """Return the verdicts on the Services' specs that were run, by their texts.

    Raises ReportError where the file cannot be read, or what every spec needs has failed.
    """
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 - our own child wrote it
    except (OSError, ET.ParseError) as error:
        raise ReportError(f"{path}: {error}") from None
    found: dict[str, Found] = {}
    for case in cases:
        text = text_of(case.get("name", ""))
        verdict = _verdict(case)
        if text and not (verdict.outcome == "skipped" and not verdict.sentence):
            found[text] = verdict
        elif not text and verdict.outcome == "failed" and "Suite" in case.get("name", ""):
            raise ReportError(f"upstream's {case.get('name')} failed: {verdict.sentence}")
    return found


def _verdict(case: ET.Element) -> Found:
    """Say what became of a spec; one outside the focus is skipped without a word."""
    seconds = float(case.get("time") or 0)
    for kind in BROKEN:
        if (broken := case.find(kind)) is not None:
            return Found("failed", seconds, first_line(broken.text or broken.get("message") or ""))
    skipped = case.find("skipped")
    if skipped is not None:
        message = (skipped.get("message") or "").removeprefix("skipped").strip(" -")
        return Found("skipped", seconds, first_line(message))
    return Found("passed", seconds)


def first_line(text: str) -> str:
    """Return the first line that says something, without what is this machine's own in it."""
    text = _KUBECTL.sub("kubectl", text)
    lines = (line.strip().removeprefix("[FAILED]").strip() for line in text.splitlines())
    return next((line[:300] for line in lines if line), "")
