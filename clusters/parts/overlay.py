"""A kube-proxy with a defect: a version's own source with a few lines changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import HarnessError
from clusters.parts import gomod
from clusters.parts.golang import machine_arch
from clusters.parts.kubernetes import download_module, go_build, write_module
from clusters.parts.versions import normalise
from clusters.parts.workshop import open_workshop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.parts.progress import Recorder, Step
    from clusters.parts.workshop import Workshop

_PACKAGE = f"{gomod.MODULE}/cmd/kube-proxy"
_NO_TESTS = shutil.ignore_patterns("*_test.go", "testdata")
_LEFT_OUT = {"test", "docs", "api", "cluster", "hack", "CHANGELOG", "LICENSES", "logo"}


def build_changed(
    version: str,
    edits: Mapping[str, tuple[str, str]],
    progress: Recorder,
    workshop: Workshop | None = None,
) -> Path:
    """Return the kube-proxy of a full version with `edits` ({file: (old text, new text)}) made.

    Files are relative to the Kubernetes source. Raises HarnessError when an old text does not
    occur exactly once, CommandError when the change does not compile.
    """
    shop = workshop or open_workshop(progress)
    version = normalise(version)
    inputs = {
        "version": version,
        "arch": machine_arch(),
        "edits": hashlib.sha256(json.dumps(dict(edits), sort_keys=True).encode()).hexdigest(),
        "recipe": "1",
    }
    found = shop.cache.lookup("changed-kube-proxy", inputs)
    if found is None:
        module = _module(shop, version)

        def make(work: Path, step: Step) -> None:
            option = f"-overlay={write_overlay(module / 'copy', edits, work)}"
            out = work / "out"
            go_build(
                shop, module, [_PACKAGE], version=version, out=out, step=step, options=[option]
            )

        found = shop.cache.get_or_make("changed-kube-proxy", inputs, make, progress)
    return found / "kube-proxy"


def _module(workshop: Workshop, version: str) -> Path:
    """Return a module whose Kubernetes source is a copy, made once a version.

    Go refuses `-overlay` on files of its module cache, hence the copy.
    """

    def make(work: Path, step: Step) -> None:
        out = work / "out"
        if not (out / "ready").exists():
            shutil.rmtree(out, ignore_errors=True)
            known = download_module(workshop, version, work, step)
            step.detail("copying the source")
            copy_source(Path(known["Dir"]), out / "copy")
            go_mod = gomod.render_go_mod(Path(known["GoMod"]).read_text(), version, copy="./copy")
            write_module(workshop, out, go_mod, [_PACKAGE], step)
        # Compile the unchanged source now, so that each change costs its own package and the link.
        go_build(workshop, out, [_PACKAGE], version=version, out=work / "unchanged", step=step)

    inputs = {"version": version, "recipe": "1"}
    return workshop.cache.get_or_make(
        "kubernetes-source", inputs, make, workshop.progress, need_bytes=500_000_000
    )


def copy_source(source: Path, copy: Path) -> None:
    """Copy what a command is compiled from, writable, without tests and top-level documents."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        # pkg/api is code, api is not: names count at the top only.
        top = _LEFT_OUT.intersection(names) if Path(folder) == source else set()
        return top | set(_NO_TESTS(folder, names))

    shutil.copytree(source, copy, ignore=ignore, copy_function=shutil.copyfile)
    # copytree gives directories the mode of the module cache, which is read-only.
    for folder in (copy, *copy.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)


def write_overlay(source: Path, edits: Mapping[str, tuple[str, str]], work: Path) -> Path:
    """Return the JSON file for `go build -overlay`, with the changed files beside it in `work`."""
    replace = {}
    for index, (name, (old, new)) in enumerate(sorted(edits.items())):
        original = source / name
        if not original.is_file():
            raise HarnessError(f"there is no {name} in this Kubernetes version")
        text = original.read_text()
        if text.count(old) != 1:
            raise HarnessError(f"{name}: the text to change occurs {text.count(old)} times, not 1")
        changed = work / f"{index}-{original.name}"
        changed.write_text(text.replace(old, new))
        replace[str(original)] = str(changed)
    overlay = work / "overlay.json"
    overlay.write_text(json.dumps({"Replace": replace}, indent=1))
    return overlay
