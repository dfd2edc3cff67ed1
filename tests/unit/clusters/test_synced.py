"""When a kube-proxy that was started has synced: every family, as far as its metrics tell."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from clusters.embedded import proxy
from clusters.embedded.proxy import News, ProxyRunner
from clusters.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

METRIC = "kubeproxy_sync_proxy_rules_last_timestamp_seconds"
V4 = METRIC + '{ip_family="IPv4"} 1.7e+09\n'
V6 = METRIC + '{ip_family="IPv6"} 1.7e+09\n'
BOTH_IN_ONE = METRIC + " 1.7e+09\n"
NEVER = METRIC + " 0\n"


def synced(metrics: str, *, busy: bool, health: int = 200) -> bool:
    """Ask a node that answers like this."""

    def ask(what: str, **request: Any) -> dict[str, Any]:
        if what == "busy":
            return {"busy": busy}
        body = metrics if request["url"].endswith("/metrics") else ""
        return {"status": health, "body": body}

    node = SimpleNamespace(control=SimpleNamespace(ask=ask))
    return ProxyRunner("", 20.0).synced(node)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metrics", "busy", "expected"),
    [
        (V4 + V6, True, True),
        (V4, True, False),
        (V4, False, True),
        (BOTH_IN_ONE, True, False),
        (BOTH_IN_ONE, False, True),
        (NEVER, False, False),
        ("", False, False),
    ],
)
def test_one_family_counts_for_all_once_nothing_is_done(
    metrics: str,
    busy: bool,  # noqa: FBT001 - a table
    expected: bool,  # noqa: FBT001 - the same
) -> None:
    """While kube-proxy is at work, the family that does not show yet may be what it works at."""
    assert synced(metrics, busy=busy) is expected


def test_one_that_is_not_healthy_has_not_synced() -> None:
    """The health answer comes first."""
    assert synced(V4 + V6, busy=False, health=503) is False


class Starved:
    """A node whose kube-proxy never syncs, and which waits for a processor part of the time."""

    name = "node-1"

    def __init__(self, clock: Iterator[float], share: float) -> None:
        self.control = self
        self.clock = clock
        self.share = share
        self.proxy_log = Path("no such log")

    def ask(self, what: str, **_: Any) -> dict[str, Any]:
        """Answer that kube-proxy runs and is not healthy."""
        return {"status": None} if what == "status" else {"status": 503, "body": ""}

    def waited(self) -> float:
        """Return the share of the time that has passed."""
        return next(self.clock) * self.share

    def tail(self) -> str:
        """Return no log."""
        return ""


@pytest.mark.parametrize(("share", "least", "most"), [(0, 20, 23), (0.5, 38, 45), (1, 98, 105)])
def test_bound_is_of_the_time_with_a_processor(
    monkeypatch: pytest.MonkeyPatch, share: float, least: float, most: float
) -> None:
    """A node that gets half of the time has twice as long; one that gets none five times that."""
    clock = count(0.0, 0.25)
    seen: list[float] = []

    def monotonic() -> float:
        seen.append(next(clock))
        return seen[-1]

    # The look at the log asks the time, too.
    passing = SimpleNamespace(monotonic=monotonic, sleep=lambda _seconds: None)
    monkeypatch.setattr(proxy, "time", passing)
    with pytest.raises(BuildError, match="has not synced after"):
        ProxyRunner("", 20.0).wait_synced(Starved(clock, share))  # type: ignore[arg-type]
    assert least <= seen[-1] - seen[0] <= most


def test_a_node_is_asked_when_its_kube_proxy_has_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it wrote anything once, then at each new line, and now and then without one."""
    now = 100.0
    monkeypatch.setattr(proxy, "time", SimpleNamespace(monotonic=lambda: now))
    news = News(tmp_path / "log")
    assert [news.any(), news.any()] == [True, False]
    (tmp_path / "log").write_text("I1128 starting")
    assert [news.any(), news.any()] == [True, False]
    now += 2.0
    assert [news.any(), news.any()] == [True, False]
