"""The tables and pictures of a growth, and the article's claims held against it."""

from __future__ import annotations

from statistics import mean, median
from typing import TYPE_CHECKING, Any

from suites.oracles import article
from suites.oracles.ratio import Ratio, ratio
from suites.oracles.scaling import Figure, difference, exponent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from suites.scale.growth import AtSize

    Results = Mapping[int, Mapping[str, AtSize]]

MIB = 1 << 20
OTHERS = ("ipvs", "nftables")


def table(results: Results) -> list[dict[str, Any]]:
    """Return a row for each size and mode."""
    rows = []
    for size, modes in sorted(results.items()):
        for mode, at in sorted(modes.items()):
            rows.append(
                {
                    "Services": size,
                    "mode": mode,
                    "cold start s": round(at.cold_start, 2),
                    "its syncs s": round(at.full_sync, 2),
                    "its CPU s": round(at.start_cpu, 2),
                    "change seen s": round(median(at.change_seen), 3),
                    "change sync s": round(median(at.change_sync or [0.0]), 3),
                    "change CPU s": round(at.change_cpu, 3),
                    "change tools": at.written.total,
                    "change lines": at.written.lines,
                    **{f"{p} µs": round(place(at, p) / 1e3) for p in ("first", "middle", "last")},
                    "direct µs": round(place(at, "direct") / 1e3),
                    "open µs": round(place(at, "kept") / 1e3),
                    "RSS MiB": round(at.resident / MIB),
                    "peak MiB": round(at.peak / MIB),
                    "kernel": ", ".join(f"{n:,} {what}" for what, n in at.objects.items()),
                }
            )
    return rows


def place(at: AtSize, name: str) -> float:
    """Return the median over the rounds of a place's connect time, in ns."""
    return median([r[name] for r in at.rounds if name in r] or [0.0])


def exponents(results: Results) -> list[dict[str, Any]]:
    """Return how each figure of each mode grows: b of a * n^b, 0 constant and 1 linear."""
    modes = sorted({mode for at in results.values() for mode in at})
    figures: dict[str, Callable[[AtSize], float]] = {
        "cold start": lambda at: at.cold_start,
        "full sync": lambda at: at.full_sync,
        "sync of one change": lambda at: median(at.change_sync or [0.0]),
        "CPU of one change": lambda at: at.change_cpu,
        "peak memory": lambda at: float(at.peak),
        "tools of one change": lambda at: float(at.written.total),
        "lines of one change": lambda at: float(at.written.lines),
    }
    rows = []
    for name, read in figures.items():
        row: dict[str, Any] = {"figure": name}
        for mode in modes:
            points = [(float(n), read(at[mode])) for n, at in results.items() if mode in at]
            grown = exponent(points)
            row[mode] = None if grown is None else round(grown, 2)
        rows.append(row)
    return rows


def pictures(results: Results) -> dict[str, dict[str, Any]]:
    """Return line charts over the number of Services, a line for each mode."""
    drawn: dict[str, tuple[str, Callable[[AtSize], float]]] = {
        "connection to the last Service less that to the first": ("µs", walk),
        "time of one change's sync": ("s", lambda at: median(at.change_sync or [0.0])),
        "time from change to packet": ("s", lambda at: median(at.change_seen)),
        "cold start until the last Service answers": ("s", lambda at: at.cold_start),
        "CPU of one change": ("s", lambda at: at.change_cpu),
        "peak memory of kube-proxy": ("MiB", lambda at: at.peak / MIB),
        "lines that one change writes": ("lines", lambda at: float(at.written.lines)),
    }
    modes = sorted({mode for at in results.values() for mode in at})
    return {
        title: {
            "series": {
                mode: [[n, read(at[mode])] for n, at in sorted(results.items()) if mode in at]
                for mode in modes
            },
            "x": "Services",
            "y": unit,
        }
        for title, (unit, read) in drawn.items()
    }


def followed(results: Results) -> dict[str, tuple[float, str]]:
    """Return what is followed from run to run: figures by name, with units."""
    found: dict[str, tuple[float, str]] = {}
    for size, modes in sorted(results.items()):
        for mode, at in sorted(modes.items()):
            at_size = f"in {mode} mode at {size:,} Services"
            found[f"cold start {at_size}"] = (at.cold_start, "s")
            found[f"sync of one change {at_size}"] = (median(at.change_sync or [0.0]), "s")
            found[f"CPU of one change {at_size}"] = (at.change_cpu, "s")
            found[f"peak memory {at_size}"] = (at.peak / MIB, "MiB")
            found[f"tools of one change {at_size}"] = (at.written.total, "count")
            found[f"lines of one change {at_size}"] = (at.written.lines, "count")
            for name, count in at.objects.items():
                found[f"{name} {at_size}"] = (count, "count")
    return found


def walk(at: AtSize) -> float:
    """Return what the place in the rules adds to a connection, in µs."""
    return (place(at, "last") - place(at, "first")) / 1e3


def slope(at: AtSize, size: int) -> Figure | None:
    """Return the ns that each Service before it adds to a Service's connection."""
    found = difference(at.pairs("last", "first"))
    return found.times(1 / (size - 1)) if found else None


def claims(results: Results, spread: Mapping[str, tuple[bool | None, str]]) -> list[article.Row]:
    """Return the article's claims, each held against what was measured."""
    sizes = sorted(results)
    least, most = sizes[0], sizes[-1]
    steep = slope(results[most]["iptables"], most)
    rows = [article.sequential(steep)]
    rows += [article.constant(m, slope(results[most][m], most), steep) for m in OTHERS]
    for mode in OTHERS:
        times = {n: against(at[mode], at["iptables"]) for n, at in results.items()}
        rows.append(article.halved(mode, times))
    for mode in OTHERS:
        spent = {n: (at[mode].change_cpu, at["iptables"].change_cpu) for n, at in results.items()}
        rows.append(article.less_cpu(mode, spent))
    for mode, (ok, sentence) in spread.items():
        rows.append(article.even(mode, ok=ok, sentence=sentence))
    for mode in ("iptables", *OTHERS):
        grown = growth_of(results[least][mode], results[most][mode])
        rows.append(article.stable(mode, grown, (least, most)))
    return rows


def against(own: AtSize, theirs: AtSize) -> Figure | None:
    """Return how many times as long a connection takes in one mode as in the other.

    To the Service in the middle of the rules; each node's speed is told by a connection that is
    open already.
    """
    return _quotient(ratio(own.pairs("middle", "kept")), ratio(theirs.pairs("middle", "kept")))


def _quotient(one: Ratio | None, other: Ratio | None) -> Figure | None:
    if one is None or other is None:
        return None
    found = one.over(other)
    return Figure(found.middle, found.low, found.high)


def growth_of(few: AtSize, many: AtSize) -> Figure | None:
    """Return the factor by which the last Service's connection, against an open one, has grown."""
    return _quotient(ratio(many.pairs("last", "kept")), ratio(few.pairs("last", "kept")))


def per_thousand(results: Results) -> dict[str, float]:
    """Return the peak memory, in MiB, that a thousand Services more cost each mode."""
    sizes = sorted(results)
    few, many = sizes[0], sizes[-1]
    return {
        mode: round(
            1000 * (results[many][mode].peak - results[few][mode].peak) / MIB / (many - few), 2
        )
        for mode in results[many]
    }


def objects_a_second(rates: Mapping[int, float]) -> float:
    """Return the mean rate at which objects were written."""
    return round(mean(rates.values())) if rates else 0.0
