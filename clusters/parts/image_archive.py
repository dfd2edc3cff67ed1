"""The kube-proxy in a container image that came as an archive, as vendors ship it.

Both formats that tools write are read: that of `docker save` (Docker Image Specification v1.2,
manifest.json) and an OCI layout (image-spec v1.1, index.json).
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from clusters.errors import ConfigError
from clusters.parts.golang import machine_arch
from clusters.parts.memo import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

PROGRAM = "kube-proxy"
INDEXES = ("index.v1+json", "manifest.list.v2+json")
NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


@dataclass(frozen=True)
class ImageArchive:
    """An image with a kube-proxy: the archive, the image's name, and where in it the program is."""

    path: Path
    name: str
    program: str


def is_archive(path: Path) -> bool:
    """Tell whether a file is a tar archive, compressed or not."""
    try:
        return path.is_file() and tarfile.is_tarfile(path)
    except OSError:
        return False


def get_program(workshop: Workshop, given: str, archive: Path) -> tuple[Path, ImageArchive]:
    """Return the image's kube-proxy as a file of the cache, and what the image is.

    `given` is what the user wrote. Raises ConfigError for an archive that does not hold exactly one
    image with a name and a kube-proxy in it.
    """

    def make(work: Path, step: Step) -> None:
        step.detail(archive.name)
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        try:
            with tarfile.open(archive) as opened:
                name, layers = _read(opened, given)
                program = _extract(opened, given, layers, out / PROGRAM)
        except (tarfile.TarError, KeyError, ValueError) as error:
            raise ConfigError(f"build {given}: is no image archive: {error}") from error
        (out / "image.json").write_text(json.dumps({"name": name, "program": program}))

    inputs = {"archive": digest_of(workshop.cache, archive), "arch": machine_arch(), "recipe": "1"}
    entry = workshop.cache.get_or_make("image-program", inputs, make, workshop.progress)
    return entry / PROGRAM, ImageArchive(
        archive.resolve(), **json.loads((entry / "image.json").read_text())
    )


def _read(archive: tarfile.TarFile, given: str) -> tuple[str, list[str]]:
    """Return the image's name and its layers' files in the archive, the lowest first."""
    if "manifest.json" in archive.getnames():
        images = _json(archive, "manifest.json")
        if len(images) != 1:
            raise ConfigError(f"build {given}: holds {len(images)} images; save one by its name")
        name = (images[0].get("RepoTags") or [""])[0]
        layers = list(images[0]["Layers"])
    elif "index.json" in archive.getnames():
        name, layers = _read_layout(archive, given)
    else:
        raise ConfigError(f"build {given}: is a tar file, but no image archive")
    if not name:
        raise ConfigError(f"build {given}: the image has no name; save it by one")
    return name, layers


def _read_layout(archive: tarfile.TarFile, given: str) -> tuple[str, list[str]]:
    entries = _json(archive, "index.json")["manifests"]
    if len(entries) != 1:
        raise ConfigError(f"build {given}: holds {len(entries)} images; save one by its name")
    (entry,) = entries
    notes = entry.get("annotations", {})
    # A tag alone, as some tools write, is not what a node would know the image by.
    name = next((notes[key] for key in NAMES if ":" in notes.get(key, "")), "")
    while entry["mediaType"].endswith(INDEXES):
        inner = _json(archive, _blob(entry["digest"]))["manifests"]
        fits = [e for e in inner if e.get("platform", {}).get("architecture") == machine_arch()]
        if not fits:
            raise ConfigError(f"build {given}: the image is not for {machine_arch()}")
        entry = fits[0]
    manifest = _json(archive, _blob(entry["digest"]))
    return name, [_blob(layer["digest"]) for layer in manifest["layers"]]


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return json.load(file)


def _extract(archive: tarfile.TarFile, given: str, layers: list[str], target: Path) -> str:
    """Write the program of the highest layer to `target` and return its path in the image."""
    for layer in reversed(layers):
        inside = archive.extractfile(layer)
        if inside is None:
            raise ValueError(f"{layer} is no file")
        with tarfile.open(fileobj=inside) as files:
            for member in _programs(files):
                source = cast("Any", files.extractfile(member))
                with target.open("wb") as out:
                    shutil.copyfileobj(source, out)
                target.chmod(0o755)
                return "/" + os.path.normpath(member.name).lstrip("/")
    raise ConfigError(f"build {given}: there is no kube-proxy in the image")


def _programs(files: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in files:
        path = PurePosixPath(member.name)
        if member.isfile() and path.name == PROGRAM and path.parent.name in {"bin", "sbin"}:
            yield member
