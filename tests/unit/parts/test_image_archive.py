"""A kube-proxy in an image archive: found in either format, and refused with a reason."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from clusters.errors import ConfigError
from clusters.kind import archives
from clusters.parts.golang import machine_arch
from clusters.parts.image_archive import get_program, is_archive

if TYPE_CHECKING:
    from pathlib import Path

    from clusters.parts.workshop import Workshop

PLACE = "/usr/local/bin/kube-proxy"


def saved(tmp_path: Path, name: str = "example.org/kube-proxy:v1", place: str = PLACE) -> Path:
    """Write what `docker save` would: a layer with an older program, and ours above it."""
    old, new, base = tmp_path / "old", tmp_path / "new", tmp_path / "base.tar"
    old.write_text("old")
    new.write_text("new")
    with tarfile.open(base, "w") as layer:
        layer.add(old, place.lstrip("/"))
    archive = tmp_path / "image.tar"
    archives.write(archive, archives.Image(name, [base], [archives.File(new, place)]))
    return archive


def test_the_highest_layers_program_counts(workshop: Workshop, tmp_path: Path) -> None:
    """The archive is recognised, and what the container would run is what is judged."""
    archive = saved(tmp_path)
    assert is_archive(archive)
    assert not is_archive(tmp_path / "new")
    program, image = get_program(workshop, "image.tar", archive)
    assert program.read_text() == "new"
    assert program.stat().st_mode & 0o111
    assert (image.name, image.program) == ("example.org/kube-proxy:v1", PLACE)
    assert image.path == archive.resolve()
    assert get_program(workshop, "image.tar", archive) == (program, image)


def layout(tmp_path: Path, arch: str) -> Path:
    """Write an OCI layout with an index of platforms and a compressed layer."""
    (tmp_path / "program").write_text("oci")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as layer:
        layer.add(tmp_path / "program", "./usr/bin/kube-proxy")
    archive = tmp_path / "layout.tar"
    with tarfile.open(archive, "w") as out:

        def put(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))

        def blob(content: bytes) -> str:
            digest = hashlib.sha256(content).hexdigest()
            put(f"blobs/sha256/{digest}", content)
            return f"sha256:{digest}"

        manifest = {"layers": [{"digest": blob(gzip.compress(raw.getvalue()))}]}
        entry = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": blob(json.dumps(manifest).encode()),
            "platform": {"architecture": arch},
        }
        index = {
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": blob(json.dumps({"manifests": [entry]}).encode()),
            "annotations": {
                "org.opencontainers.image.ref.name": "v1",
                "io.containerd.image.name": "example.org/vendor:v1",
            },
        }
        put("index.json", json.dumps({"manifests": [index]}).encode())
    return archive


def test_an_oci_layout_is_read_too(workshop: Workshop, tmp_path: Path) -> None:
    """Of several platforms this machine's is taken, and compressed layers are opened."""
    program, image = get_program(workshop, "x", layout(tmp_path, machine_arch()))
    assert program.read_text() == "oci"
    assert (image.name, image.program) == ("example.org/vendor:v1", "/usr/bin/kube-proxy")


def test_what_cannot_be_judged_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    """Each with what the user gave and why."""

    def refused(archive: Path) -> str:
        with pytest.raises(ConfigError, match="build given: ") as caught:
            get_program(workshop, "given", archive)
        return str(caught.value)

    assert "is not for" in refused(layout(tmp_path, "s390x"))
    assert "no kube-proxy in the image" in refused(saved(tmp_path, place="/usr/bin/other"))
    assert "has no name" in refused(saved(tmp_path, name=""))
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as archive:
        archive.add(tmp_path / "old", "readme")
    assert "no image archive" in refused(other)
    whole = saved(tmp_path).read_bytes()
    other.write_bytes(whole[: len(whole) // 2])
    assert "no image archive" in refused(other)
