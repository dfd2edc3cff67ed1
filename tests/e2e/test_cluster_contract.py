"""The contract of a cluster, asked of the embedded one."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.suites import PYTEST, ROOT


@pytest.mark.parametrize("mode", ["iptables", "ipvs", "nftables"])
def test_embedded_cluster_keeps_the_contract(mode: str) -> None:
    """What the fake promises in tests/contract the embedded cluster keeps, in each mode.

    In a process of its own, which it takes into the cluster's network for good.
    """
    done = subprocess.run(
        [*PYTEST, "tests/contract", "-k", "embedded", "--kp-mode", mode],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PROXYPROOF_E2E": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout.splitlines()[-1]
