"""kube-proxy's own account of itself: health, metrics and mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST, METRICS_PORT
from fixtures.case import case
from fixtures.metrics import SYNCS, parse_samples
from suites.answers import Answers
from suites.oracles.verdict import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Cluster, Node
    from fixtures.record import Recorder

HEALTH = "k/k pkg/proxy/healthcheck/proxy_health.go"
METRICS = "k/k pkg/proxy/metrics/metrics.go"
URLS = "k/k test/e2e/network/networking.go, check kube-proxy urls"


NAMES = (
    SYNCS,
    "kubeproxy_sync_proxy_rules_last_timestamp_seconds",
    "kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds",
    "kubeproxy_sync_proxy_rules_endpoint_changes_total",
    "kubeproxy_sync_proxy_rules_service_changes_total",
)
FAILURES = {
    "iptables": (
        "kubeproxy_sync_proxy_rules_iptables_restore_failures_total",
        "kubeproxy_sync_proxy_rules_iptables_partial_restore_failures_total",
    ),
    "ipvs": ("kubeproxy_sync_proxy_rules_iptables_restore_failures_total",),
    "nftables": ("kubeproxy_sync_proxy_rules_nftables_sync_failures_total",),
}
"""Failures that a healthy node never has. Not nftables_cleanup_failures_total: a chain in use may
resist its deletion (k/k #128829) and is deleted later."""


@case("HLT-001", feature="health", profile="readiness", reference=HEALTH)
def test_healthz(nodes: Sequence[Node], cluster: Cluster, recorder: Recorder) -> None:
    """Every node's kube-proxy says that it is healthy, as its node and as itself."""
    answers = Answers(cluster, recorder)
    for node in nodes:
        for path in ("/healthz", "/livez"):
            require(answers.judge(node, KUBE_PROXY_HOST, HEALTHZ_PORT, path))


@case("HLT-003", feature="metrics", profile="readiness", reference=METRICS)
def test_metrics(
    nodes: Sequence[Node],
    cluster: Cluster,
    recorder: Recorder,
    mode: str,
    observe: Callable[[str, object], None],
) -> None:
    """The documented metrics are there on every node, and no sync has failed."""
    answers = Answers(cluster, recorder)
    for node in nodes:
        said = answers.get(node, KUBE_PROXY_HOST, METRICS_PORT, "/metrics")
        assert said.status == 200, f"{node.name} answers {said.status} to a request for its metrics"
        found = parse_samples(said.body)
        missing = [name for name in NAMES if name not in found]
        assert not missing, f"{node.name} has no metric {', '.join(missing)}"
        for name in FAILURES[mode]:
            # A counter by address family appears with its first failure.
            failures = sum(found.get(name, {}).values())
            assert failures == 0, f"{node.name} counts {failures:g} in {name}"
        syncs = sum(found[SYNCS].values())
        assert syncs > 0, f"{node.name} has never synced"
        observe(f"syncs of {node.name}", syncs)


@case("HLT-004", feature="health", profile="readiness", reference=URLS)
def test_mode(nodes: Sequence[Node], cluster: Cluster, recorder: Recorder) -> None:
    """Every kube-proxy says that it runs the mode that its node is configured with."""
    answers = Answers(cluster, recorder)
    for node in nodes:
        right = node.spec.mode
        require(
            answers.judge(
                node,
                KUBE_PROXY_HOST,
                METRICS_PORT,
                "/proxyMode",
                body=lambda text, right=right: text.strip() == right,  # type: ignore[misc]
            )
        )
