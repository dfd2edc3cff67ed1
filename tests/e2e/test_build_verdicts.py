"""A build that does not come up gets a verdict of its own within seconds, with its last words."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from clusters.parts.overlay import build_changed
from clusters.parts.progress import PlainProgress
from tests.mutation.defect import IPTABLES, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import SuiteRun

SERVER = "cmd/kube-proxy/app/server.go"
RUN = "func (s *ProxyServer) Run(ctx context.Context) error {\n"
SYNC = "func (proxier *Proxier) syncProxyRules() (retryError error) {\n"

BUILDS = {
    "does not start": (SERVER, RUN, RUN + '\tfmt.Println("no"); os.Exit(3)\n', "DOES NOT START"),
    "crashes": (SERVER, RUN, RUN + '\tpanic("broken on purpose")\n', "CRASHES"),
    "never syncs": (IPTABLES, SYNC, SYNC + "\tselect {}\n", "NEVER SYNCS"),
}


@pytest.mark.timeout(900, func_only=True)
@pytest.mark.parametrize("name", BUILDS)
def test_bad_build(run_suites: Callable[..., SuiteRun], name: str) -> None:
    """The verdict says what the build did; no case runs, and so none waits for it."""
    file, old, new, word = BUILDS[name]
    build = build_changed(VERSION, {file: (old, new)}, PlainProgress(sys.stderr))
    began = time.monotonic()
    run = run_suites("--kp-mode", "iptables", "--kp-build", str(build), "--kp-slow", "0.5")
    assert run.status == 1, run.output
    assert word in run.output
    assert run.outcomes() == {}
    assert time.monotonic() - began < 60, "a bad build took as long as a run of the cases"
