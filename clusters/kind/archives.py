"""Container image archives as `docker save` writes them, made without any container tool.

The format is that of the Docker image specification v1.2 (manifest.json, a configuration, layers),
which docker, containerd and kind load.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.parts.golang import machine_arch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CREATED = "1970-01-01T00:00:00Z"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class File:
    """A file to put into an image."""

    source: Path
    target: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Image:
    """What an image is made of: whole layers, uncompressed, with files above them.

    A layer is used byte for byte, so that images that share one share its digest. `command` is
    the image's entry point, and `arguments` are what it gets where a container has none of its own.
    """

    name: str
    layers: Sequence[Path] = ()
    files: Sequence[File] = ()
    command: Sequence[str] = ()
    arguments: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = ""


def write(target: Path, image: Image) -> str:
    """Write the archive and return the image's id, the digest of its configuration."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        layers = list(image.layers)
        if image.files:
            top = Path(scratch) / "layer.tar"
            _write_layer(top, image.files, directories=not layers)
            layers.append(top)
        digests = [digest_of(layer) for layer in layers]
        config = json.dumps(_config(image, digests)).encode()
        identity = hashlib.sha256(config).hexdigest()
        manifest = {
            "Config": f"{identity}.json",
            "RepoTags": [image.name],
            "Layers": [f"{digest}/layer.tar" for digest in digests],
        }
        with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
            _put(archive, "manifest.json", json.dumps([manifest]).encode())
            _put(archive, f"{identity}.json", config)
            for digest, layer in zip(digests, layers, strict=True):
                with layer.open("rb") as content:
                    entry = tarfile.TarInfo(f"{digest}/layer.tar")
                    entry.size, entry.mode = layer.stat().st_size, 0o644
                    archive.addfile(entry, content)
    return f"sha256:{identity}"


def _config(image: Image, digests: Sequence[str]) -> dict[str, Any]:
    run: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in {"PATH": PATH, **image.env}.items()]
    }
    if image.command:
        run["Entrypoint"] = list(image.command)
    if image.arguments:
        run["Cmd"] = list(image.arguments)
    if image.stop_signal:
        run["StopSignal"] = image.stop_signal
    return {
        "architecture": machine_arch(),
        "os": "linux",
        "created": CREATED,
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": CREATED, "created_by": "proxyproof"} for _ in digests],
    }


def _write_layer(target: Path, files: Sequence[File], *, directories: bool) -> None:
    """Write the files; their folders too, unless a layer below may have them with other modes."""
    made: set[str] = set()
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as layer:
        for file in files:
            name = file.target.lstrip("/")
            for folder in reversed([str(parent) for parent in Path(name).parents][:-1]):
                if directories and folder not in made:
                    made.add(folder)
                    entry = tarfile.TarInfo(folder)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    layer.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = file.source.stat().st_size, file.mode
            with file.source.open("rb") as content:
                layer.addfile(entry, content)


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    archive.addfile(entry, io.BytesIO(data))


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
