"""`python -m tests.upstream`: upstream's own end-to-end tests of Services, and ours, compared."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from clusters.errors import ConfigError, ProxyproofError, TestbedError
from clusters.parts import versions
from clusters.parts.overlay import build_changed
from clusters.parts.progress import choose_progress
from clusters.parts.workshop import open_workshop
from clusters.protocol import MODES
from reports.journal import load_run
from reports.journal import read as read_journal
from tests.mutation.catalog import all_defects
from tests.suites import PYTEST, ROOT, down, kept_cluster
from tests.upstream import junit, mapping
from tests.upstream.cluster import KeptCluster
from tests.upstream.compare import Agreement, rows, totals
from tests.upstream.defects import edits_of
from tests.upstream.page import Comparison, page, section, sum_up, table
from tests.upstream.parts import get_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from reports.model import Run
    from tests.upstream.parts import Parts

ARTIFACTS = Path("_artifacts/upstream-e2e")
LONGEST = 3600.0
"""Seconds after which the suites count as hanging."""

JUDGED = frozenset({0, 1, 2})
"""Exit statuses of a run that has verdicts."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    made.add_argument("--mode", action="append", choices=MODES, help="default: nftables")
    made.add_argument("--build", default="", help="as --kp-build; default: the cluster's version")
    made.add_argument(
        "--defect",
        action="append",
        metavar="NAME",
        help="build the version's kube-proxy with this defect of tests/mutation/catalog",
    )
    made.add_argument(
        "--version", default=versions.DEFAULT_KIND, help="of upstream's tests and the cluster"
    )
    made.add_argument(
        "--nodes", type=int, default=3, help="default: 3, which one of the specs needs"
    )
    made.add_argument("--cases", default="", metavar="IDS", help="compare these cases' specs only")
    made.add_argument("--keep", action="store_true", help="leave the cluster up")
    made.add_argument("--artifacts", type=Path, default=ARTIFACTS, metavar="DIR")
    made.add_argument("--docs", type=Path, metavar="FILE", help="write the page")
    made.add_argument("pytest", nargs="*", help="what follows -- goes to pytest")
    return made


def chosen(ids: str) -> tuple[mapping.Spec, ...]:
    """Return the specs that are compared with one of these cases; all for none.

    Raises ConfigError for a case that none is compared with.
    """
    wanted = {word.strip() for word in ids.split(",") if word.strip()}
    known = {case for spec in mapping.SPECS for case in spec.cases}
    if strange := sorted(wanted - known):
        raise ConfigError(
            f"--cases {', '.join(strange)}: no spec of upstream's is compared with it"
        )
    return tuple(s for s in mapping.SPECS if not wanted or wanted & set(s.cases))


def run_cases(
    mode: str,
    build: str,
    artifacts: Path,
    specs: Sequence[mapping.Spec],
    options: argparse.Namespace,
) -> tuple[str, Run, float]:
    """Judge the build by our cases; the cluster stays up.

    Returns its name, the verdicts, and the seconds from the first case to the last.
    """
    cases = sorted({case for spec in specs if not spec.skip for case in spec.cases})
    command = [*PYTEST, "--kp-cluster", "kind", "--kp-mode", mode, "--kp-nodes", str(options.nodes)]
    command += ["--kp-control-plane", options.version, "--kp-keep", "--kp-history", "none"]
    command += ["--kp-build", build] if build else []
    command += ["--kp-artifacts", str(artifacts), "--kp-cases", ",".join(cases), *options.pytest]
    journal, log = artifacts / "run.jsonl", artifacts / "suites.log"
    artifacts.mkdir(parents=True, exist_ok=True)
    journal.unlink(missing_ok=True)
    try:
        with log.open("w") as output:
            done = subprocess.run(
                command, cwd=ROOT, stdout=output, stderr=output, timeout=LONGEST, check=False
            )
    except subprocess.TimeoutExpired:
        raise TestbedError(f"the suites did not end within {LONGEST:.0f} s; see {log}") from None
    name = kept_cluster(log.read_text(errors="replace"))
    if not journal.exists() or not name or done.returncode not in JUDGED:
        if name:
            subprocess.run(down(name), cwd=ROOT, capture_output=True, check=False)
        raise TestbedError(f"the suites ended with status {done.returncode}; see {log}")
    return name, load_run(journal), wall(read_journal(journal))


def wall(records: Iterable[dict[str, Any]]) -> float:
    """Return the seconds from the begin of a journal's first case to the end of its last."""
    records = list(records)
    begun = [record["mono_ns"] for record in records if record["kind"] == "case-start"]
    ended = [record["mono_ns"] for record in records if record["kind"] == "case"]
    return (max(ended) - min(begun)) / 1e9 if begun and ended else 0.0


def compare(
    mode: str,
    parts: Parts,
    specs: Sequence[mapping.Spec],
    options: argparse.Namespace,
    say: Callable[[str], None],
) -> Comparison:
    """Run both on one cluster of a mode."""
    artifacts = options.artifacts.absolute() / mode
    build = options.build
    if options.defect:
        edits = edits_of(options.defect, mode, all_defects())
        build = str(build_changed(options.version, edits, choose_progress()))
    say(f"{mode}: proxyproof's cases on a kind cluster of {options.nodes} nodes")
    name, run, seconds = run_cases(mode, build, artifacts, specs, options)
    try:
        say(f"{mode}: {len(run.results)} verdicts in {seconds:.0f} s; upstream's tests on {name}")
        cluster = KeptCluster(name, parts, artifacts / "upstream", say)
        try:
            cluster.furnish()
            report = cluster.run(mapping.focus(specs if options.cases else ()), mapping.skip())
        finally:
            cluster.close()
        found = rows(specs, junit.read(report), run.results)
        return Comparison(
            mode,
            described(run.info.build.version or build, options.defect or ()),
            options.version,
            options.nodes,
            tuple(found),
            totals(found, run.results),
            seconds,
        )
    finally:
        if not options.keep:
            subprocess.run(down(name), cwd=ROOT, capture_output=True, check=False)


def described(build: str, defects: Sequence[str]) -> str:
    """Return what the page calls a build."""
    return f"{build} with defects: {'; '.join(defects)}" if defects else build


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare in every mode asked for.

    0 if all agree, 1 if not, 2 for what was not decided or interrupted, 3 for what could not be
    run, 4 for a wrong option.
    """
    options = parser().parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    done: list[Comparison] = []
    try:
        specs = chosen(options.cases)
        progress = choose_progress()
        shop = open_workshop(progress)
        with progress:
            options.version = versions.resolve(shop, options.version)
            parts = get_parts(shop, options.version)
        for mode in options.mode or ["nftables"]:
            made = compare(
                mode, parts, specs, options, lambda text: console.print(text, markup=False)
            )
            done.append(made)
            console.print(table(made))
            console.print(f"{mode}, {made.build}: {sum_up(made)}", markup=False)
    except KeyboardInterrupt:
        return 2
    except ConfigError as error:
        console.print(f"error: {error}", markup=False)
        return 4
    except (ProxyproofError, junit.ReportError) as error:
        console.print(f"error: {error}", markup=False)
        return 3
    if options.docs:
        options.docs.write_text(page([section(one) for one in done]))
    every = [row for one in done for row in one.rows]
    if any(row.agreement is Agreement.DISAGREE for row in every):
        return 1
    return 2 if any(row.missing for row in every) else 0


if __name__ == "__main__":
    sys.exit(main())
