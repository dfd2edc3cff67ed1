"""Upstream's own end-to-end tests of a Kubernetes version, built from the Go modules.

Upstream publishes them in kubernetes-test-linux-*.tar.gz; the modules hold the same source, with
all that go:embed takes into the binary.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.parts import gomod
from clusters.parts.commands import own_tmp
from clusters.parts.golang import go_env, go_tool, machine_arch
from clusters.parts.kubernetes import download_module, go_build, write_module

if TYPE_CHECKING:
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

TESTS = f"{gomod.MODULE}/test/e2e"
AGNHOST = f"{gomod.MODULE}/test/images/agnhost"
"""The program that upstream's pods run: a server, a client and more in one."""

NEED_BYTES = 1_500_000_000


@dataclass(frozen=True, slots=True)
class UpstreamTests:
    """The test binary and the program of its pods, both of one version."""

    version: str
    tests: Path
    agnhost: Path


def get_upstream_tests(workshop: Workshop, version: str) -> UpstreamTests:
    """Return upstream's tests of a full version, built where they are not cached.

    Raises ConfigError for a version that was never published, TestbedError where it does not build.
    """

    def make(work: Path, step: Step) -> None:
        out, module = work / "out", work / "module"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        if not (module / "ready").exists():
            upstream = Path(download_module(workshop, version, work, step)["GoMod"]).read_text()
            go_mod = gomod.render_go_mod(upstream, version)
            write_module(workshop, module, go_mod, [TESTS, AGNHOST], step)
        go_build(workshop, module, [AGNHOST], version=version, out=out, step=step)
        _build_tests(workshop, module, version, out, step)

    inputs = {"version": version, "arch": machine_arch(), "recipe": "1"}
    entry = workshop.cache.get_or_make(
        "upstream-e2e", inputs, make, workshop.progress, need_bytes=NEED_BYTES
    )
    return UpstreamTests(version, entry / "e2e.test", entry / "agnhost")


def _build_tests(workshop: Workshop, module: Path, version: str, out: Path, step: Step) -> None:
    step.detail("compiling the tests; over a thousand packages")
    # Vetting would look through all that the tests import, which takes as long as compiling it.
    argv = ["nice", go_tool(), "test", "-c", "-vet=off", "-trimpath"]
    env = {**go_env("-mod=mod -buildvcs=false"), **own_tmp(out.parent)}
    argv += ["-ldflags", gomod.linker_flags(version), "-o", str(out / "e2e.test"), TESTS]
    workshop.commands.run(argv, cwd=module, env=env, log=out.parent / "build.log")
