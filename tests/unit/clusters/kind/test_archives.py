"""Image archives: what docker and containerd read in them."""

from __future__ import annotations

import hashlib
import json
import tarfile
from typing import TYPE_CHECKING

from clusters.kind.archives import File, Image, write

if TYPE_CHECKING:
    from pathlib import Path


def test_archive_names_what_it_holds(tmp_path: Path) -> None:
    """Every layer is there under the digest that the configuration gives it."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    base = tmp_path / "base.tar"
    with tarfile.open(base, "w") as layer:
        layer.add(program, "etc/base")
    image = Image(
        "example.org/x:1", [base], [File(program, "/usr/bin/x")], ["/usr/bin/x"], stop_signal="QUIT"
    )
    identity = write(tmp_path / "x.tar", image)
    with tarfile.open(tmp_path / "x.tar") as archive:

        def read(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(read("manifest.json"))
        config = read(manifest["Config"])
        assert f"sha256:{hashlib.sha256(config).hexdigest()}" == identity
        assert manifest["RepoTags"] == ["example.org/x:1"]
        digests = [f"sha256:{hashlib.sha256(read(n)).hexdigest()}" for n in manifest["Layers"]]
        described = json.loads(config)
        assert described["rootfs"]["diff_ids"] == digests
        assert len(digests) == 2
        assert described["config"]["Entrypoint"] == ["/usr/bin/x"]
        assert described["config"]["StopSignal"] == "QUIT"
        assert digests[0] == f"sha256:{hashlib.sha256(base.read_bytes()).hexdigest()}"


def test_the_same_image_has_the_same_identity(tmp_path: Path) -> None:
    """Nothing of time or place gets into an image, so its id tells what is in it."""
    program = tmp_path / "program"
    program.write_text("one")
    image = Image("x:1", files=[File(program, "/bin/x")])
    first = write(tmp_path / "a.tar", image)
    assert write(tmp_path / "b.tar", image) == first
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    program.write_text("two")
    assert write(tmp_path / "c.tar", image) != first
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.tar",
        "b.tar",
        "c.tar",
        "program",
    ]


def test_folders_have_entries_of_their_own(tmp_path: Path) -> None:
    """An image without a base has every folder above a file, each once and before it."""
    program = tmp_path / "program"
    program.touch()
    files = [File(program, "/usr/local/bin/a"), File(program, "/usr/local/b", 0o644)]
    write(tmp_path / "x.tar", Image("x:1", files=files))
    with tarfile.open(tmp_path / "x.tar") as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json") or (tmp_path / "x").open())
        inner = archive.extractfile(manifest["Layers"][0])
        assert inner is not None
        with tarfile.open(fileobj=inner) as layer:
            found = [(entry.name, entry.isdir(), oct(entry.mode)) for entry in layer]
    assert found == [
        ("usr", True, "0o755"),
        ("usr/local", True, "0o755"),
        ("usr/local/bin", True, "0o755"),
        ("usr/local/bin/a", False, "0o755"),
        ("usr/local/b", False, "0o644"),
    ]
