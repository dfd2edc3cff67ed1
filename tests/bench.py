"""Where builds are judged one after the other: a kept cluster of a mode, or a kind one each."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from clusters.embedded import rundir
from reports.journal import load_run
from tests.suites import PYTEST, ROOT, down, kept_cluster

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from clusters.protocol import Mode
    from reports.model import Run

LONGEST = 1500.0
"""Seconds after which a run of the suites is given up."""


class BenchError(RuntimeError):
    """The suites could not be run; the message is the end of what pytest wrote."""


class Bench:
    """Runs cases against builds; makes the cluster when it is needed first, or takes a given one.

    `close` removes the cluster only if it was made here. `slow` is `--kp-slow`: the factor of every
    bound that a case waits by. With `kind` each run has a kind cluster of its own, since a build
    comes into its nodes when it is created.
    """

    def __init__(
        self,
        mode: Mode,
        artifacts: Path,
        cluster: str = "",
        *,
        slow: float = 1.0,
        kind: bool = False,
    ) -> None:
        self.mode = mode
        self.slow = slow
        self.kind = kind
        self.artifacts = artifacts
        self.cluster = cluster
        self._given = bool(cluster)

    def run(self, build: str, cases: Collection[str], name: str, *, first: bool = False) -> Run:
        """Judge a build by cases (all for none), with `first` only until one of them fails.

        Raises BenchError if there is no judgement.
        """
        artifacts = self.artifacts / name
        command = [
            *PYTEST,
            *(
                "--kp-mode",
                self.mode,
                "--kp-build",
                build,
                "--kp-slow",
                f"{self.slow:g}",
            ),
            *(("--kp-cluster", "kind") if self.kind else ("--kp-keep",)),
            # What a broken build costs is no part of anybody's history.
            *("--kp-artifacts", str(artifacts), "--kp-history", "none"),
        ]
        if cases:
            command += ["--kp-cases", ",".join(sorted(cases))]
        if first:
            command += ["--exitfirst"]
        if self.cluster and not rundir.alive(rundir.base() / self.cluster):
            # Somebody removed it, or a run took it down with itself.
            self.cluster, self._given = "", False
        if self.cluster:
            command += ["--kp-reuse", self.cluster]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST, check=False
            )
        except subprocess.TimeoutExpired:
            self.close()
            raise BenchError(f"the suites did not end within {LONGEST:.0f} s") from None
        self.cluster = kept_cluster(done.stdout) or self.cluster
        journal = artifacts / "run.jsonl"
        if done.returncode not in {0, 1, 2, 3} or not journal.exists():
            self.close()
            tail = " ".join((done.stdout + done.stderr).split())[-300:]
            raise BenchError(f"pytest ended with status {done.returncode}: {tail}")
        return load_run(journal)

    def close(self) -> None:
        """Remove the cluster, unless somebody else made it or it is gone already."""
        name, given = self.cluster, self._given
        self.cluster, self._given = "", False
        if not name or given or not rundir.alive(rundir.base() / name):
            return
        subprocess.run(down(name), cwd=ROOT, capture_output=True, check=False)
