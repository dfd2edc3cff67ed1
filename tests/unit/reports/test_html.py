"""The page of a run, parsed back."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from reports.html import case_views, page, write_html
from reports.model import BuildVerdict, HarnessProblem, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reports.model import CaseInfo, CaseResult, Run

VOID = {"meta", "input", "br", "rect", "polyline"}


class Page(HTMLParser):
    """Reads a page, checks that its elements nest, and keeps what tests look for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.stack, f"left open: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element, and expect its end unless it has none."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Expect the element that was opened last."""
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text outside of styles."""
        if "style" not in self.stack:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All text, in single spaces."""
        return " ".join(" ".join(self.words).split())

    def having(self, name: str, word: str) -> list[dict[str, str | None]]:
        """Return the attributes of the elements whose attribute holds a word."""
        return [found for _, found in self.tags if word in (found.get(name) or "").split()]


def test_page_says_it_all(run: Run) -> None:
    """Verdict, environment, profiles, every case, reasons and steps are on the page."""
    read = Page(page(run))

    assert "FAILED kube-proxy v1.34.4 in ipvs mode 2 of 8 cases failed" in read.text
    assert run.info.build.sha256 in read.text
    assert {found["id"] for found in read.having("class", "case")} == {
        result.key for result in run.results
    }
    assert "288 of 300 attempts were refused, where" in read.text
    assert "the ready endpoint serves, whatever else has its address" in read.text
    assert "suites/conformance/test_cluster_ip.py:31" in read.text
    assert "service programmed 0.21 s 4 tries" in read.text
    assert "ipvs mode does not offer localhost NodePorts SVC-055" in read.text
    assert "control plane 3.2 s" in read.text
    assert run.info.replay in read.text


def test_needs_no_other_file(run: Run) -> None:
    """Nothing on the page is fetched and nothing is run."""
    text = page(run)
    read = Page(text)

    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.tags}
    assert not re.search(r"(?:src|href)\s*=|url\(|@import|https?://", text)


def test_everything_is_escaped(
    make_run: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
) -> None:
    """No text, whoever wrote it, can become an element or end a style."""
    evil = "</style></pre><script>alert(1)</script>\"'\x1b[31m\x00"
    case = make_case(
        evil, name=evil, summary=evil, profile=evil, reference=evil, features=[evil], file=evil
    )
    result = make_result(
        Outcome.FAILED,
        case,
        sentence=evil,
        detail=evil,
        log_tail=evil,
        evidence=evil,
        params={"mode": evil},
        waits=[{"name": evil, "seconds": 1, "ok": False, "attempts": 1}],
        observations={evil: {evil: 1}, "t": [{evil: evil}], "v": evil, "l": f"{evil}\n{evil}"},
    )
    verdict = BuildVerdict.model_validate({"kind": "crashes", "sentence": evil, "log_tail": evil})
    run = make_run(
        result,
        make_result(Outcome.SKIPPED, case, sentence=evil),
        build_verdict=verdict,
        harness_errors=[HarnessProblem(where=evil, message=evil, traceback=evil)],
        setup_steps=[{"name": evil, "seconds": 1}],
    )
    run.info.build.version = run.info.build.source = run.info.replay = run.info.id = evil
    run.info.nodes[0].kernel = evil
    text = page(run)

    assert "script" not in {tag for tag, _ in Page(text).tags}
    assert not re.search(r"[\x00-\x08\x1b]", text)


def test_failed_come_first_and_open(run: Run) -> None:
    """Failed cases lead the list and show their evidence without a click."""
    found = Page(page(run)).having("class", "case")

    assert [str(one["class"]).split()[1] for one in found[:3]] == [
        "failed",
        "failed",
        "inconclusive",
    ]
    assert ["open" in one for one in found[:3]] == [True, True, False]


def test_stays_below_three_megabytes(
    make_run: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
    tmp_path: Path,
) -> None:
    """A run with far too much evidence gives a page that opens, failed cases first."""
    rows = [{"backend": f"web-{n}", "seen": n, "expected": n} for n in range(200)]
    many = [
        make_result(
            Outcome.FAILED if number == 299 else Outcome.PASSED,
            make_case(f"SVC-{number:03}"),
            detail="<&>" * 5_000,
            log_tail="line\n" * 3_000,
            observations={"table": rows, "shares": {f"b{n}": n for n in range(90)}},
        )
        for number in range(300)
    ]
    write_html(make_run(*many), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()

    assert len(text.encode()) < 3_000_000
    assert len(Page(text).having("class", "case")) == 300
    assert "No room left in this page" in text
    assert (
        "No room left" not in text[text.index('class="case failed"') :].partition("</details>")[0]
    )


def test_budget_goes_to_the_failed(run: Run) -> None:
    """When the room is short, the failed case has its evidence and later ones do not."""
    views = case_views(run, budget=2000)

    assert [view.cut for view in views[:2]] == [False, False]
    assert views[-6].cut


def test_crashed_build(make_run: Callable[..., Run]) -> None:
    """The page of a build that cannot be judged shows its last lines and no empty tables."""
    verdict = BuildVerdict.model_validate(
        {"kind": "never-syncs", "sentence": "no sync in 20 s", "node": "n1", "log_tail": "E1 x\n"}
    )
    read = Page(page(make_run(build_verdict=verdict)))

    assert "NEVER SYNCS" in read.text
    assert "The last that kube-proxy wrote on node n1 E1 x" in read.text
    assert "Profiles" not in read.text


@pytest.mark.parametrize("field", ["nodes", "timeouts", "seed", "baseline", "finished"])
def test_unknowns_are_left_out(make_run: Callable[..., Run], field: str) -> None:
    """A run of which little is known has a page all the same, without the word None."""
    run = make_run()
    run.info = run.info.model_copy(update={field: [] if field == "nodes" else None})
    run.info.timeouts = run.info.timeouts or {}

    assert "None" not in Page(page(run)).text
