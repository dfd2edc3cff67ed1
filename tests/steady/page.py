"""The ledger as docs/steadiness.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.steady.ledger import at_most, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.steady.ledger import Kept

HEAD = """# Steadiness

How often the suites say something against a build that is as upstream released it: any case that is
not passed, skipped or not offered, and any failure of the harness, is an alarm. Made by
`python -m tests.steady --ledger docs/steadiness.jsonl --docs docs/steadiness.md`, which adds its
runs to the ledger; the bound is the share of runs with an alarm that these runs leave open (95%,
Clopper and Pearson). All on two processors that other work shared; with an alarm stands the load
average at the end of its run.

| mode | kube-proxy | cases | runs | with an alarm | at most | verdicts | minutes a run |
|---|---|---|---|---|---|---|---|
"""


def page(entries: Sequence[Kept]) -> str:
    """Return the page: the runs added up, and every alarm that there was."""
    lines = [HEAD.rstrip("\n")]
    for row in rows(entries):
        bound = at_most(row.alarmed, row.runs)
        cells = (
            *(row.mode, row.build, row.what, row.runs, row.alarmed, f"{bound:.0%}"),
            *(row.cases, f"{row.minutes:.1f}"),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    lines += ["", "## Alarms", ""]
    alarmed = [entry for entry in entries if entry.alarms]
    for entry in alarmed:
        lines.append(f"- {entry.where}: {entry.cause or 'cause unknown'}")
        lines += [f"  - {alarm}" for alarm in entry.alarms]
    if not alarmed:
        lines.append("None.")
    return "\n".join(lines) + "\n"
