"""Kubernetes binaries of any version: from the cache, an official release, or the Go modules."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import TestbedError
from clusters.parts import gomod, versions
from clusters.parts.commands import CommandError, own_tmp
from clusters.parts.golang import go_env, go_tool, machine_arch
from clusters.parts.progress import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager")

NEED_BYTES = 1_500_000_000
"""Room for the binaries; Go's own caches may need 5 GB more wherever they are."""


def get_binaries(workshop: Workshop, version: str, names: Sequence[str]) -> dict[str, Path]:
    """Return the binaries of a full version by name; those not cached are made together.

    Raises ConfigError for a version that was never published, TestbedError when it can be had
    neither as a release nor as modules.
    """
    inputs = {name: _inputs(version, name) for name in names}
    absent = sorted(name for name in names if not workshop.cache.lookup(name, inputs[name]))
    together: Path | None = None
    if absent:
        # One work directory and one `go build` for all: the packages compile once and the linkers
        # run side by side.
        together = workshop.cache.get_or_make(
            f"kubernetes-{version}",
            _inputs(version, " ".join(absent)),
            lambda work, step: _make_set(workshop, version, absent, work, step),
            workshop.progress,
            need_bytes=NEED_BYTES,
        )
    found = {}
    for name in names:
        entry = workshop.cache.lookup(name, inputs[name])
        if entry is None and together is not None:
            entry = _share(workshop, together, name, inputs[name])
        if entry is None:
            raise TestbedError(f"{name} {version} vanished from the cache")
        found[name] = entry / name
    return found


def _inputs(version: str, name: str) -> dict[str, str]:
    return {"version": version, "name": name, "arch": machine_arch(), "recipe": "1"}


def _share(workshop: Workshop, together: Path, name: str, inputs: dict[str, str]) -> Path:
    """Give one binary of a set an entry of its own, so that other sets find it; hardlinked."""

    def link(work: Path, _step: Step) -> None:
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for file in (name, "origin.json"):
            os.link(together / file, out / file)

    return workshop.cache.get_or_make(name, inputs, link, Recorder())


def _make_set(
    workshop: Workshop, version: str, names: Sequence[str], work: Path, step: Step
) -> None:
    out = work / "out"
    out.mkdir(exist_ok=True)
    stop = workshop.commands.stopping
    to_build = []
    for name in names:
        step.detail(f"looking for the release of {name} {version}")
        if not (out / name).exists() and not workshop.releases.download(
            version, machine_arch(), name, out / name, stop=stop, step=step
        ):
            to_build.append(name)
    origin = "official release"
    if to_build:
        origin = build(workshop, version, to_build, work, step)
    (out / "origin.json").write_text(json.dumps({"version": version, "origin": origin}))
    step.detail(f"{version} from {origin}")


def build(workshop: Workshop, version: str, names: Sequence[str], work: Path, step: Step) -> str:
    """Build the commands from their Go modules into `work / "out"`; returns how."""
    packages = [f"{gomod.MODULE}/cmd/{name}" for name in names]
    module = work / "module"
    if not (module / "ready").exists():
        upstream = download_module(workshop, version, work, step)["GoMod"]
        write_module(
            workshop,
            module,
            gomod.render_go_mod(Path(upstream).read_text(), version),
            packages,
            step,
        )
    go_build(workshop, module, packages, version=version, out=work / "out", step=step)
    return "Go modules"


def download_module(workshop: Workshop, version: str, cwd: Path, step: Step) -> dict[str, str]:
    """Return what `go mod download -json` says of the Kubernetes module: GoMod, Dir, ...

    Raises ConfigError naming what there is when the version was never published.
    """
    step.detail(f"downloading the module {gomod.MODULE} {version}")
    argv = [go_tool(), "mod", "download", "-json", f"{gomod.MODULE}@{version}"]
    try:
        said = workshop.commands.output(argv, cwd=cwd, env=go_env())
    except CommandError as error:
        wrong = versions.unknown(workshop, version)
        if wrong is not None:
            raise wrong from None
        raise TestbedError(f"Kubernetes {version} cannot be downloaded: {error}") from None
    return dict(json.loads(said))


def write_module(
    workshop: Workshop, module: Path, go_mod: str, packages: list[str], step: Step
) -> None:
    """Write go.mod and tools.go and let `go mod tidy` complete them; marks it ready."""
    step.detail("resolving the modules")
    module.mkdir(exist_ok=True)
    (module / "go.mod").write_text(go_mod)
    (module / "tools.go").write_text(gomod.render_tools(packages))
    argv = ["nice", go_tool(), "mod", "tidy"]

    def say(line: str) -> None:
        if line.startswith("go: downloading"):
            step.detail(line.removeprefix("go: ")[:80])

    workshop.commands.run(argv, cwd=module, env=go_env("-mod=mod"), on_line=say)
    (module / "ready").touch()


def go_build(
    workshop: Workshop,
    module: Path,
    packages: Sequence[str],
    *,
    version: str,
    out: Path,
    step: Step,
    options: Sequence[str] = (),
) -> None:
    """One `go build` of all packages into the directory `out`; raises CommandError."""
    out.mkdir(exist_ok=True)
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        if "/" in line and " " not in line:
            compiled += 1
            step.detail(f"compiled {compiled} packages, now {line[-50:]}")

    argv = ["nice", go_tool(), "build", "-v", "-trimpath", *options]
    argv += ["-ldflags", gomod.linker_flags(version), "-o", f"{out}/", *packages]
    step.detail("compiling")
    env = {**go_env("-mod=mod -buildvcs=false"), **own_tmp(out.parent)}
    workshop.commands.run(argv, cwd=module, env=env, on_line=count, log=out.parent / "build.log")
