"""When a kube-proxy that was started has synced: every family, as far as its metrics tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clusters.embedded.proxy import ProxyRunner

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
