"""What upstream's tests are run with: binaries, and images by the names that specs use."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from clusters.errors import TestbedError
from clusters.kind import archives
from clusters.kind.archives import File, Image
from clusters.kind.tools import get_kind, get_tools
from clusters.kind.trees import get_agnhost_tree
from clusters.parts.coredns import get_coredns
from clusters.parts.kubernetes import download_module, get_binaries
from clusters.parts.memo import digest_of
from clusters.parts.upstream_e2e import get_upstream_tests

if TYPE_CHECKING:
    from clusters.parts.cache import Make
    from clusters.parts.progress import Step
    from clusters.parts.upstream_e2e import UpstreamTests
    from clusters.parts.workshop import Workshop

AGNHOST = "/e2e-test-images/agnhost:"
KEYS = ("porter/localhost.crt", "porter/localhost.key")
"""What agnhost's porter serves TLS with; the Dockerfile puts both at the root."""

WGETRC = "tries = 1\n"
"""The specs mean busybox's wget, which does not try again what was not answered."""

LEFT_OUT = ("forward", "loop")
"""Plugins that ask further name servers, of which a run's network has none."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Paths of all that a run takes; `images` are archives as `docker save` writes them."""

    version: str
    tests: Path
    kubectl: Path
    kind: Path
    tools: Path
    images: tuple[Path, ...]


def get_parts(shop: Workshop, version: str) -> Parts:
    """Fetch or build everything for a full version; raises TestbedError where it cannot be had."""
    upstream = get_upstream_tests(shop, version)
    binaries = get_binaries(shop, version, ["kubectl", "kubeadm"])
    listed = shop.commands.output([str(upstream.tests), "--list-images"])
    agnhost = named(listed, AGNHOST)
    argv = [str(binaries["kubeadm"]), "config", "images", "list", f"--kubernetes-version={version}"]
    coredns = named(shop.commands.output(argv), "/coredns:")
    return Parts(
        version,
        upstream.tests,
        binaries["kubectl"],
        get_kind(shop),
        get_tools(shop),
        (_agnhost_image(shop, upstream, agnhost), _coredns_image(shop, coredns)),
    )


def named(listed: str, part: str) -> str:
    """Return the one image of a list that has `part` in its name; raises TestbedError."""
    found = [line.strip() for line in listed.splitlines() if part in line]
    if len(found) != 1:
        raise TestbedError(f"{len(found)} images called {part} where one is expected")
    return found[0]


def _agnhost_image(shop: Workshop, upstream: UpstreamTests, name: str) -> Path:
    """Return agnhost on Debian with the tools that specs execute in it, as the Dockerfile says."""
    tree = get_agnhost_tree(shop)

    def make(work: Path, step: Step) -> None:
        module = Path(download_module(shop, upstream.version, work, step)["Dir"])
        (work / "wgetrc").write_text(WGETRC)
        files = [
            File(upstream.agnhost, "/agnhost"),
            File(work / "wgetrc", "/etc/wgetrc", 0o644),
        ]
        for key in KEYS:
            source = module / "test/images/agnhost" / key
            files.append(File(source, f"/{source.name}", 0o644))
        image = Image(name, [tree], files, command=["/agnhost"], arguments=["pause"])
        _write(work, step, image)

    inputs = {
        "name": name,
        "tree": tree.parent.name,
        "program": digest_of(shop.cache, upstream.agnhost),
        "wgetrc": WGETRC,
    }
    return _cached(shop, "agnhost-image", inputs, make)


def _coredns_image(shop: Workshop, name: str) -> Path:
    program = get_coredns(shop, name.rpartition(":")[2])

    def make(work: Path, step: Step) -> None:
        files = [File(program, "/coredns")]
        _write(work, step, Image(name, files=files, command=["/coredns"]))

    return _cached(
        shop, "coredns-image", {"name": name, "program": digest_of(shop.cache, program)}, make
    )


def _write(work: Path, step: Step, image: Image) -> None:
    step.detail(f"writing {image.name}")
    shutil.rmtree(work / "out", ignore_errors=True)
    (work / "out").mkdir()
    archives.write(work / "out" / "image.tar", image)


def _cached(shop: Workshop, what: str, inputs: dict[str, str], make: Make) -> Path:
    entry = shop.cache.get_or_make(what, {**inputs, "recipe": "1"}, make, shop.progress)
    return entry / "image.tar"


def without(manifest: str, plugins: tuple[str, ...] = LEFT_OUT) -> str:
    """Return kubeadm's manifests of CoreDNS with these plugins out of its Corefile; pure."""
    # kubeadm says something of its patches before, and no line ends after its first mark.
    _, begin, rest = re.sub(r"^---\s*", "---\n", manifest, flags=re.MULTILINE).partition("---\n")
    documents = [document for document in yaml.safe_load_all(begin + rest) if document]
    for document in documents:
        if document["kind"] == "ConfigMap":
            document["data"]["Corefile"] = _strip(document["data"]["Corefile"], plugins)
    return yaml.safe_dump_all(documents)


def _strip(corefile: str, plugins: tuple[str, ...]) -> str:
    """Leave plugins out, each with the block in braces that it may have."""
    kept, depth, inside = [], 0, 0
    for line in corefile.splitlines():
        words = line.split()
        if not inside and words and words[0] in plugins:
            inside = depth + 1
        if not inside:
            kept.append(line)
        depth += line.count("{") - line.count("}")
        if inside and depth < inside:
            inside = 0
    return "\n".join(kept) + "\n"
