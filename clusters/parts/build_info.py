"""What the user gave as the build to judge: found, looked at, and refused with one clear line."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clusters.errors import ConfigError
from clusters.parts import elf, registry, versions
from clusters.parts.golang import machine_arch
from clusters.parts.image_archive import ImageArchive, get_program, is_archive
from clusters.parts.kubernetes import get_binaries
from clusters.parts.memo import Memo, identity

if TYPE_CHECKING:
    from clusters.parts.workshop import Workshop

PROGRAM = "kube-proxy"

_VERSION = re.compile(r"^Kubernetes (v\d+\.\d+\S*)", re.MULTILINE)
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Build:
    """A kube-proxy under judgement.

    `source` is what the user wrote, `version` what the binary says, `arch` as Go names it, `image`
    where the binary is from if it came in one.
    """

    source: str
    path: Path
    version: str
    sha256: str
    arch: str
    image: ImageArchive | None = None


def get_build(workshop: Workshop, given: str) -> Build:
    """Return the build for `--kp-build`: a version (fetched or built), a binary or an image.

    An image is the path of an archive, or a reference that names its registry. Something of that
    name in the file system wins over a version. Raises ConfigError for whatever is not a kube-proxy
    this machine can run.
    """
    path = Path(given).expanduser()
    if not path.exists() and versions.is_version(given):
        version = versions.resolve(workshop, given)
        path = get_binaries(workshop, version, [PROGRAM])[PROGRAM]
    elif not path.exists() and (reference := registry.parse(given)):
        path = registry.get_archive(workshop, reference)
    if is_archive(path):
        program, image = get_program(workshop, given, path)
        return replace(inspect(workshop, given, program), image=image)
    return inspect(workshop, given, path)


def inspect(workshop: Workshop, given: str, path: Path) -> Build:
    """Look at a binary; what it answered is remembered until the file changes."""
    arch = check_file(given, path)
    memo, key = Memo(workshop.cache, "builds"), identity(path)
    known = memo.get(key)
    if known is None:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known = {"version": ask_version(given, path), "sha256": digest}
        memo.put(key, known)
    return Build(given, path.resolve(), known["version"], known["sha256"], arch)


def check_file(given: str, path: Path) -> str:
    """Return the architecture of a program this machine can start; raises ConfigError otherwise."""
    if not path.exists():
        hint = "" if os.sep in given else ", nor is it a version such as v1.34 or v1.34.4"
        raise ConfigError(f"build {given}: no such file{hint}")
    if path.is_dir():
        inside = " (did you mean the kube-proxy in it?)" if (path / PROGRAM).is_file() else ""
        raise ConfigError(f"build {given}: is a directory{inside}")
    if not path.is_file():
        raise ConfigError(f"build {given}: is not a regular file")
    try:
        head = elf.read_head(path)
    except PermissionError:
        raise ConfigError(f"build {given}: may not be read") from None
    arch = elf.architecture(head)
    if arch is None:
        raise ConfigError(f"build {given}: is {elf.describe(head)}, not a Linux program")
    if arch != machine_arch():
        raise ConfigError(f"build {given}: is for {arch}, this machine is {machine_arch()}")
    if not os.access(path, os.X_OK):
        raise ConfigError(f"build {given}: is not executable (chmod +x {given})")
    return arch


def ask_version(given: str, path: Path) -> str:
    """Return the version the binary states; raises ConfigError when it is not kube-proxy.

    All Kubernetes commands answer `--version` alike, so the help text tells them apart: only
    kube-proxy has the flag --proxy-mode.
    """
    match = _VERSION.search(_ask(given, path, "--version"))
    if not match:
        raise ConfigError(f"build {given}: is not kube-proxy (its --version is not Kubernetes's)")
    if "--proxy-mode" not in _ask(given, path, "--help"):
        raise ConfigError(f"build {given}: is a Kubernetes program but not kube-proxy")
    return match.group(1)


def _ask(given: str, path: Path, flag: str) -> str:
    try:
        done = subprocess.run(
            [path.resolve(), flag],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"build {given}: {flag} did not answer within {_TIMEOUT_SECONDS:.0f} s"
        ) from None
    except OSError as error:
        # A dynamic program whose loader is not installed also ends here.
        raise ConfigError(f"build {given}: cannot be started: {error.strerror}") from None
    if done.returncode < 0:
        raise ConfigError(f"build {given}: {flag} was killed by signal {-done.returncode}")
    return done.stdout
