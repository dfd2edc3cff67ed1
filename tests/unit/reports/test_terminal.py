"""The summary in a terminal."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from reports.model import BuildVerdict, HarnessProblem, Outcome, Step
from reports.terminal import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reports.model import CaseInfo, CaseResult, Run


def shown(run: Run, *, width: int = 80, encoding: str = "utf-8", **options: object) -> str:
    """Render into a file, as when the output is no terminal."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    artifacts = options.pop("artifacts", None)
    console = Console(file=file, width=width, _environ={}, **options)  # type: ignore[arg-type]
    render(run, console, artifacts=artifacts)  # type: ignore[arg-type]
    file.flush()
    return raw.getvalue().decode(encoding)


def test_reads_at_a_glance(run: Run, tmp_path: Path) -> None:
    """Headline, counts, failures with sentence, place and evidence, reasons, times, report."""
    text = shown(run, artifacts=tmp_path, width=200)
    lines = [line.strip() for line in text.splitlines()]

    assert lines[2] == "FAILED  kube-proxy v1.34.4 in ipvs mode"
    assert lines[3] == "2 of 8 cases failed; took 48 s"
    assert re.search(r"routing +core +6 +1 +2 +1 +-$", text, re.MULTILINE)
    assert re.search(r"schedulers +extended +- +1 +- +- +-$", text, re.MULTILINE)
    assert re.search(r"all +6 +2 +2 +1 +1$", text, re.MULTILINE)
    at = lines.index("SVC-021[ipvs-ipv4]  one address, terminating and ready")
    assert lines[at + 1].startswith("288 of 300 attempts were refused, where")
    assert lines[at + 2] == "case      suites/conformance/test_cluster_ip.py:31"
    assert lines[at + 3] == f"evidence  {tmp_path}/run.jsonl#SVC-021[ipvs-ipv4]"
    at = lines.index("ipvs mode does not offer localhost NodePorts:")
    assert lines[at + 1] == "SVC-055[ipvs-ipv4], SVC-056[ipvs-ipv4]"
    assert "set-up  control plane 3.2 s, 3 nodes 1.2 s, images 0.04 s" in lines
    assert f"report  {tmp_path}/report.html" in lines


def test_order(run: Run) -> None:
    """What the reader must act on comes first."""
    text = shown(run)
    titles = ["FAILED", "profile", "Failed (2)", "Inconclusive (1)", "Not offered (2)", "Skipped"]
    places = [text.index(title) for title in titles]

    assert places == sorted(places)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("width", [60, 80])
def test_fits_without_colour(
    run: Run, make_result: Callable[..., CaseResult], width: int, encoding: str
) -> None:
    """No line is wider than the console, none has an escape, none fails to encode."""
    run.results.append(
        make_result(
            Outcome.FAILED,
            sentence="\x1b[2J\u4e16 \u2265 5 \u2192 " + "x" * 300 + " [bold]literal[/bold]",
            evidence="logs/" + "long" * 40,
        )
    )
    text = shown(run, width=width, encoding=encoding)

    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "[bold]literal[/bold]" in text.replace("\n", "").replace(" ", "")


def test_columns_stay_whole_at_80(run: Run) -> None:
    """At 80 columns no name of the table is cut or folded."""
    text = shown(run)

    assert "profile     level     passed  failed  not offered  skipped  inconclusive" in text
    assert "schedulers  extended" in text


def test_colour_on_a_terminal(run: Run) -> None:
    """A terminal gets colour, with the very same words."""
    coloured = shown(run, force_terminal=True, color_system="standard")

    assert "\x1b[1;31mFAILED" in coloured
    assert shown(run) == re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def test_build_that_crashes(make_run: Callable[..., Run]) -> None:
    """A build that cannot be judged shows why, on which node, and the last of its log."""
    log = "".join(f"line {number}\n" for number in range(40)) + "\x1b[31mpanic: boom\x1b[0m\n\n"
    verdict = BuildVerdict.model_validate(
        {"kind": "crashes", "sentence": "ended with 2", "node": "node-2", "log_tail": log}
    )
    text = shown(make_run(build_verdict=verdict))

    assert "CRASHES  kube-proxy v1.34.4 in ipvs mode" in text
    assert "ended with 2; took 48 s" in text
    assert "wrote on node node-2" in text
    assert "panic: boom" in text
    assert "line 39" in text
    assert "line 20" not in text


def test_build_that_wrote_nothing(make_run: Callable[..., Run]) -> None:
    """A build without a log is said to have none."""
    verdict = BuildVerdict.model_validate({"kind": "does-not-start", "sentence": "is a text file"})

    assert "kube-proxy wrote nothing" in shown(make_run(build_verdict=verdict))


def test_harness_error_is_not_the_build(make_run: Callable[..., Run]) -> None:
    """Trouble of the harness is shown as such, with its message."""
    problem = HarnessProblem(where="node-2", message="the agent does not answer\nfor 5 s")
    text = shown(make_run(harness_errors=[problem]))

    assert "HARNESS FAILED" in text
    assert "not the build's fault" in text
    assert "    for 5 s\n" in text


def test_many_failures_are_cut(
    make_run: Callable[..., Run],
    make_case: Callable[..., CaseInfo],
    make_result: Callable[..., CaseResult],
) -> None:
    """A build that fails everything shows the first twenty cases and how many there are more."""
    failed = [make_result(Outcome.FAILED, make_case(f"SVC-{n:03}")) for n in range(200)]
    text = shown(make_run(*failed))

    assert "Failed (200)" in text
    assert "SVC-019" in text
    assert "SVC-020" not in text
    assert "and 180 more, in the report" in text


def test_many_steps_are_summed(make_run: Callable[..., Run]) -> None:
    """The longest steps are shown first, the rest counted."""
    steps = [Step(name=f"step{n}", seconds=n + 0.5) for n in range(9)]
    text = shown(make_run(setup_steps=steps), width=200)

    assert "set-up  step8 8.5 s, step7 7.5 s," in text
    assert text.count("step") == 7
    assert "3 shorter steps" in text


def test_empty_run(make_run: Callable[..., Run]) -> None:
    """A run without any case says so and shows no empty table."""
    text = shown(make_run())

    assert "NOTHING JUDGED" in text
    assert "no case ran" in text
    assert "profile" not in text
