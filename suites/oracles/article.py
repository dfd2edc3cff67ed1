"""What is said of IPVS against iptables, claim by claim, and whether it holds here.

"IPVS beats iptables: constant-time lookup instead of a walk through rules, half the packet
processing time, less CPU, even distribution, stable under growth." Each claim is turned into a
comparison of figures with intervals; what the intervals do not decide is said to be undecided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from suites.oracles.scaling import Figure

HOLDS, FAILS, OPEN = "holds", "does not hold here", "not decided here"

FLAT = 0.1
"""A slope is taken for none when it is surely below this share of iptables mode's."""

HALF = 0.5
STEADY = 1.5
"""A latency that grows by less than this factor from the fewest to the most Services is stable."""


@dataclass(frozen=True, slots=True)
class Row:
    """One claim: how it was measured, the figures, and whether it holds."""

    claim: str
    measured: str
    figures: str
    verdict: str

    def plain(self) -> dict[str, str]:
        """Return it as a row of a table."""
        return {
            "claim": self.claim,
            "how measured": self.measured,
            "figures": self.figures,
            "here": self.verdict,
        }


def sequential(slope: Figure | None) -> Row:
    """Iptables mode compares one rule after the other; `slope` is in ns a Service."""
    verdict = OPEN
    if slope is not None:
        verdict = HOLDS if slope.low > 0 else FAILS if slope.high < 1.0 else OPEN
    return Row(
        "iptables walks its rules one by one",
        "connect time of the last Service in rule order less that of the first, by Service",
        f"{slope} ns a Service" if slope else "not measured",
        verdict,
    )


def constant(mode: str, slope: Figure | None, iptables: Figure | None) -> Row:
    """Another mode's lookup does not depend on how many Services there are."""
    verdict, figures = OPEN, "not measured"
    if slope is not None:
        figures = f"{slope} ns a Service"
    if slope is not None and iptables is not None and iptables.low > 0:
        limit = FLAT * iptables.middle
        verdict = HOLDS if slope.high < limit else FAILS if slope.low > limit else OPEN
        figures += f"; iptables {iptables.middle:.3g}"
    return Row(
        f"{mode} finds a Service in constant time",
        f"the same slope, of the same Services; below {FLAT:.0%} of iptables'",
        figures,
        verdict,
    )


def halved(mode: str, times: Mapping[int, Figure | None]) -> Row:
    """Packet processing takes half the time; `times` are this mode's over iptables', by size."""
    known = [(size, figure) for size, figure in sorted(times.items()) if figure is not None]
    held = [(size, f.high <= HALF) for size, f in known if f.high <= HALF or f.low > HALF]
    return Row(
        f"{mode} halves the packet processing time of iptables",
        "connect time of the Service in the middle of the rules over iptables mode's, each against "
        "the round trip of an open connection at its node, by Services",
        "; ".join(f"{size:,}: {figure} times" for size, figure in known) or "not measured",
        by_size(held),
    )


def by_size(held: list[tuple[int, bool]]) -> str:
    """Say for which numbers of Services a claim holds, of sizes that decided it, in order."""
    if not held:
        return OPEN
    if all(holds for _, holds in held):
        return HOLDS if len(held) > 1 else f"{HOLDS} at {held[0][0]:,} Services"
    if not any(holds for _, holds in held):
        return FAILS
    last = max(size for size, holds in held if not holds)
    if held[-1][1]:
        return f"holds above {last:,} Services"
    return FAILS


def less_cpu(mode: str, spent: Mapping[int, tuple[float, float]]) -> Row:
    """kube-proxy's processor time falls; `spent` are s a change (this mode, iptables) by size."""
    said = [
        f"{n:,}: {own:.2f} against {theirs:.2f} s" for n, (own, theirs) in sorted(spent.items())
    ]
    held = [(n, own < theirs) for n, (own, theirs) in sorted(spent.items()) if own != theirs]
    return Row(
        f"{mode} takes less CPU than iptables",
        "processor time of kube-proxy and its tools for one changed endpoint, by Services",
        "; ".join(said) or "not measured",
        by_size(held),
    )


def even(mode: str, *, ok: bool | None, sentence: str) -> Row:
    """Connections are spread evenly, by the oracle of the mode's way of choosing."""
    verdict = OPEN if ok is None else HOLDS if ok else FAILS
    return Row(
        f"{mode} spreads connections evenly", "connections to 4 endpoints", sentence, verdict
    )


def stable(mode: str, grown: Figure | None, sizes: tuple[int, int]) -> Row:
    """Latency stays as Services grow; `grown` is the factor from the fewest to the most."""
    verdict = OPEN
    if grown is not None:
        verdict = HOLDS if grown.high < STEADY else FAILS if grown.low > STEADY else OPEN
    return Row(
        f"{mode} is stable under growth",
        "connect time of the last Service, against an open connection, at "
        f"{sizes[1]:,} Services over that at {sizes[0]:,}",
        f"{grown} times" if grown else "not measured",
        verdict,
    )
