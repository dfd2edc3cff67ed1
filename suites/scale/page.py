"""docs/article.md and its pictures, from a run: `python -m suites.scale.page RUN.jsonl docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports import lines
from reports.journal import load_run
from reports.observations import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CASE = "SCALE-001"
PICTURES = {
    "connection to the last Service less that to the first": "article-walk.svg",
    "time of one change's sync": "article-sync.svg",
    "CPU of one change": "article-cpu.svg",
    "cold start until the last Service answers": "article-start.svg",
}

HEAD = """# What is said of the modes, measured

"IPVS beats iptables: it finds a Service in constant time instead of walking through rules, halves
the packet processing time, takes less CPU, spreads connections evenly and stays stable as Services
grow."
Here is each claim beside a measurement by `tox -e scale{sizes}` of kube-proxy {version}
on nodes with user-mode kernels ({kernel}), with nftables mode beside both, as their successor.
Intervals hold the true figure with a confidence of 99%; a claim that an interval does not decide is
not decided.

Generated from a run by `python -m suites.scale.page _artifacts/run.jsonl docs`. The machine has
{machine.processors} processors ({machine.model}) for three nodes and their control plane, and began
with a load of {machine.load}. Ratios between modes and how figures grow carry over to others,
seconds do not.
"""


def main(journal: Path, folder: Path) -> None:
    """Write the page and its pictures into `folder`; raises `LookupError` without a growth."""
    run = load_run(journal)
    found = [result for result in run.results if result.case.id == CASE]
    if not found or "the article, row by row" not in found[0].observations:
        raise LookupError(f"{journal} has no {CASE} that measured the claims")
    seen = found[0].observations
    kernel = run.info.nodes[0].kernel if run.info.nodes else "unknown"
    head = HEAD.format(
        sizes=_sizes(seen),
        version=run.info.build.version,
        kernel=f"Linux {kernel}",
        machine=run.info.machine,
    )
    parts = [head]
    parts.append("## Row by row\n\n" + markdown(seen["the article, row by row"]))
    parts.append("## Figures\n\n" + markdown(seen["by Services and mode"]))
    if "growth exponents" in seen:
        parts.append(
            "How figures grow, as *b* of *a·n^b*: 0 is constant, 1 is linear.\n\n"
            + markdown(seen["growth exponents"])
        )
    for title, name in PICTURES.items():
        if title in seen:
            (folder / name).write_text(str(drawn(seen[title])) + "\n")
            parts.append(f"{title[0].upper()}{title[1:]}:\n\n![{title}]({name})\n")
    (folder / "article.md").write_text("\n".join(parts))


def _sizes(seen: Mapping[str, Any]) -> str:
    """Return the option that measures again what the pictures show."""
    shown = [seen[title]["series"] for title in PICTURES if title in seen]
    sizes = sorted({x for series in shown for points in series.values() for x, _ in points})
    return f" -- --kp-scale {','.join(f'{size:g}' for size in sizes)}" if sizes else ""


def drawn(value: Mapping[str, Any]) -> str:
    """Return an observation's picture, dark on white wherever it is shown."""
    series = {name: [(x, y) for x, y in points] for name, points in value["series"].items()}
    chart = lines.Chart(series, lines.Axis(value["x"]), lines.Axis(value["y"]))
    return str(lines.draw(chart)).replace("<svg ", '<svg style="background:#fff;color:#222" ', 1)


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a table."""
    header = list(rows[0])
    table = [header, ["---"] * len(header)]
    table += [[shown(row.get(name)).replace("|", "\\|") for name in header] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in table) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
