"""What grows is told from what only moves."""

from __future__ import annotations

from suites.oracles.growth import Room, growth

ROOMS = {"entries": Room(), "rss": Room(share=0.2, amount=5.0)}


def samples(entries: list[float], rss: list[float]) -> list[dict[str, float]]:
    """Return samples of these two figures."""
    return [{"entries": e, "rss": r} for e, r in zip(entries, rss, strict=True)]


def test_what_moves_does_not_grow() -> None:
    """Ups and downs within the room are right, and a first sample that is small is no base."""
    judged = growth(samples([0] + [10.0] * 9, [1, 40, 44, 41, 46, 43, 45, 42, 44, 43]), ROOMS)
    assert judged.ok is True
    assert judged.figures["grew_entries"] == 0


def test_a_leak_is_named() -> None:
    """One entry a round is a leak, and so is memory beyond its room."""
    judged = growth(samples([float(n) for n in range(10)], [40.0] * 10), ROOMS)
    assert judged.ok is False
    assert "entries from 2 to 8" in judged.sentence
    assert growth(samples([1.0] * 10, [40.0 + 3 * n for n in range(10)]), ROOMS).ok is False


def test_few_rounds_show_nothing() -> None:
    """A trend needs samples."""
    assert growth(samples([1.0] * 6, [1.0] * 6), ROOMS).ok is None
