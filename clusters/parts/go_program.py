"""A command that is published as a Go module, built as it is in a given version."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from clusters.parts import gomod
from clusters.parts.commands import own_tmp
from clusters.parts.golang import go_env, go_tool, machine_arch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop


def get_program(workshop: Workshop, name: str, module: str, version: str) -> Path:
    """Return the command of a module's root package, built where it is not cached.

    Raises ConfigError without Go, TestbedError where the module cannot be had or does not build.
    """

    def make(work: Path, step: Step) -> None:
        files = {"tools.go": gomod.render_tools([module])}
        build(
            workshop, work, step, name=name, needs=f"{module} {version}", files=files, main=module
        )

    inputs = {"module": module, "version": version, "arch": machine_arch(), "recipe": "1"}
    entry = workshop.cache.get_or_make(f"{name}-module", inputs, make, workshop.progress)
    return entry / name


def build(
    workshop: Workshop,
    work: Path,
    step: Step,
    *,
    name: str,
    needs: str,
    files: Mapping[str, str],
    main: str,
) -> None:
    """Build the package `main` into `work`/out/`name`, in a module of its own that has `files`.

    `needs` is the module that it requires, and its version. A module of its own, because `go
    install` refuses a module that has replace lines.
    """
    out, source = work / "out", work / "module"
    for folder in (out, source):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (source / "go.mod").write_text(
        f"module proxyproof.local/{name}\n\ngo 1.24\n\nrequire {needs}\n"
    )
    for file, text in files.items():
        (source / file).write_text(text)
    env = {**go_env("-mod=mod -buildvcs=false"), **own_tmp(work)}
    step.detail(f"resolving the modules of {needs}")
    workshop.commands.run(["nice", go_tool(), "mod", "tidy"], cwd=source, env=env)
    step.detail(f"building {needs}")
    argv = ["nice", go_tool(), "build", "-trimpath", "-ldflags", "-s -w"]
    argv += ["-o", str(out / name), main]
    workshop.commands.run(argv, cwd=source, env=env, log=work / "build.log")
