"""What kube-proxy is told, and what its refusals are understood as."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.embedded.proxy import NOT_OFFERED
from clusters.embedded.proxy_config import render
from clusters.protocol import MODES, Mode, ProxySpec, merge, seconds_of

BUILD = Path("/no/kube-proxy")


@pytest.mark.parametrize("mode", MODES)
def test_rendered_configuration(mode: Mode) -> None:
    """The configuration names the mode, the node, the API and both families' pod ranges."""
    made = render(ProxySpec(BUILD, mode), node="node-2", kubeconfig="/run/kubeconfig")
    assert made["kind"] == "KubeProxyConfiguration"
    assert (made["mode"], made["hostnameOverride"]) == (mode, "node-2")
    assert made["clientConnection"]["kubeconfig"] == "/run/kubeconfig"
    assert made["clusterCIDR"] == "10.244.0.0/16,fd00:10:244::/48"
    assert made[mode]["minSyncPeriod"] == "50ms"


def test_overlay_keeps_what_it_does_not_name() -> None:
    """A scheduler is set beside the sync periods, not in their place."""
    spec = ProxySpec(BUILD, "ipvs", {"ipvs": {"scheduler": "lc"}, "mode": "ipvs"})
    made = render(spec, node="n", kubeconfig="k")
    assert made["ipvs"] == {"scheduler": "lc", "minSyncPeriod": "50ms", "syncPeriod": "30s"}
    assert made["iptables"]["syncPeriod"] == "30s"


def test_merge_replaces_lists_and_scalars_whole() -> None:
    """Mappings merge, anything else is replaced, and neither argument changes."""
    base = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}
    overlay = {"a": {"c": [3]}, "d": "gone", "f": {}}
    assert merge(base, overlay) == {"a": {"b": 1, "c": [3]}, "d": "gone", "f": {}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}
    assert overlay == {"a": {"c": [3]}, "d": "gone", "f": {}}


@pytest.mark.parametrize(
    ("mode", "config", "scheduler"),
    [
        ("ipvs", {}, "rr"),
        ("ipvs", {"ipvs": {"scheduler": ""}}, "rr"),
        ("ipvs", {"ipvs": {"scheduler": "sh"}}, "sh"),
        ("nftables", {"ipvs": {"scheduler": "sh"}}, ""),
    ],
)
def test_scheduler_of_a_spec(mode: Mode, config: dict[str, object], scheduler: str) -> None:
    """Only IPVS has a scheduler, and kube-proxy's own default is rr."""
    assert ProxySpec(BUILD, mode, config).scheduler == scheduler


def test_with_config_leaves_the_rest() -> None:
    """A changed spec keeps build, mode, flags and what was configured before."""
    spec = ProxySpec(BUILD, "ipvs", {"ipvs": {"scheduler": "wrr"}}, ("-v=4",))
    changed = spec.with_config({"ipvs": {"strictARP": True}})
    assert changed.config == {"ipvs": {"scheduler": "wrr", "strictARP": True}}
    assert (changed.build, changed.mode, changed.flags) == (BUILD, "ipvs", ("-v=4",))
    assert spec.config == {"ipvs": {"scheduler": "wrr"}}


FAILED = 'E1123 16:50:32.709585    8962 run.go:72] "command failed" err='
INVALID = "failed validate: KubeProxyConfiguration.Mode.ProxyMode: Invalid value: "
BLANK = "or blank (blank means the best-available proxy [currently iptables])"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        # v1.37.2 with the feature gate KubeProxyIPVS=false in its configuration
        (
            f'{FAILED}"{INVALID}\\"ipvs\\": must be iptables, nftables {BLANK}"',
            'ProxyMode: Invalid value: \\"ipvs\\": must be iptables, nftables or blank',
        ),
        # v1.29 and v1.30 without the feature gate NFTablesProxyMode
        (
            f'{FAILED}"{INVALID}\\"nftables\\": must be iptables, ipvs {BLANK}"',
            'ProxyMode: Invalid value: \\"nftables\\": must be iptables, ipvs or blank',
        ),
        # v1.25 and earlier
        (
            f'{FAILED}"{INVALID}\\"nftables\\": must be iptables,ipvs,userspace {BLANK}"',
            'ProxyMode: Invalid value: \\"nftables\\": must be iptables,ipvs,userspace or blank',
        ),
        # a kernel without IPVS
        (
            f'{FAILED}"can\'t use the IPVS proxier: no such file or directory"',
            "can't use the IPVS proxier",
        ),
        # a version that has dropped, or does not have yet, the gate of a mode
        (
            f'{FAILED}"failed complete: unrecognized feature gate: NFTablesProxyMode"',
            "unrecognized feature gate: NFTablesProxyMode",
        ),
    ],
)
def test_mode_not_offered_is_recognised(log: str, reason: str) -> None:
    """kube-proxy's own words for a mode that it does not have, of several versions."""
    found = NOT_OFFERED.search(f'I1123 flags.go:64] FLAG: --proxy-mode=""\n{log}\n')
    assert found is not None
    assert found.group(0) == reason


@pytest.mark.parametrize(
    "log",
    [
        f'{FAILED}"failed complete: unrecognized feature gate: Bogus"',
        f'{FAILED}"failed validate: KubeProxyConfiguration.BindAddress: Invalid value: \\"x\\""',
        'E1123 reflector.go:227] "Failed to watch" err="connection refused"',
        "panic: runtime error: invalid memory address or nil pointer dereference",
        'I1123 server_linux.go:132] "Using ipvs Proxier"',
        'E1123 server_linux.go:141] "The ipvs proxier is now deprecated and may be removed"',
    ],
)
def test_other_failures_are_not_mistaken(log: str) -> None:
    """A crash or another configuration error does not excuse a build as without the mode."""
    assert NOT_OFFERED.search(log) is None


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("50ms", 0.05), ("1m0.5s", 60.5), ("1h", 3600.0), ("0", 0.0), ("", 0.0), ("soon", 0.0)],
)
def test_durations_are_go_s(duration: str, seconds: float) -> None:
    """A KubeProxyConfiguration has durations as Go writes them."""
    assert seconds_of(duration) == pytest.approx(seconds)
