"""The contract of a cluster, asked of real ones."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.suites import PYTEST, ROOT


@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables"])
def test_embedded_cluster_keeps_the_contract(mode: str) -> None:
    """What the fake promises in tests/contract the embedded cluster keeps, in each mode."""
    assert "skipped" not in keeps("embedded", mode)


@pytest.mark.skipif(
    os.environ.get("PROXYPROOF_KIND") != "1",
    reason="PROXYPROOF_KIND=1 is not set: a node image is built first, for some 15 minutes",
)
@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables"])
def test_kind_cluster_keeps_the_contract(mode: str) -> None:
    """And so does a kind cluster; where this machine's kernel lacks a mode, in another kernel.

    What it can do nothing about, as power cuts, is skipped.
    """
    keeps("kind", mode)


def keeps(provider: str, mode: str) -> str:
    """Run the contract in a process of its own, which goes into the cluster's network for good.

    Returns the last line that pytest wrote.
    """
    done = subprocess.run(
        [*PYTEST, "tests/contract", "-k", provider, "--kp-mode", mode],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PROXYPROOF_E2E": "1"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]
