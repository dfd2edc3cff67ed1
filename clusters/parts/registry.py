"""A container image out of a registry, as an archive (OCI distribution-spec v1.1, pull).

Only what a vendor's kube-proxy takes: one image for this machine's architecture, without a
container tool on this machine. Credentials are those of `docker login`, where they are kept in its
configuration file itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

from clusters.errors import ConfigError, TestbedError
from clusters.parts.golang import machine_arch

if TYPE_CHECKING:
    from clusters.parts.progress import Step
    from clusters.parts.workshop import Workshop

_REFERENCE = re.compile(
    r"(?P<registry>(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?)/(?P<repository>[a-z0-9._/-]+)"
    r"(?::(?P<tag>[\w.-]+)|@(?P<digest>sha256:[0-9a-f]{64}))"
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHUNK = 1 << 20
_WITHIN = 30.0


@dataclass(frozen=True)
class Reference:
    """The name of an image: by tag, or by digest."""

    registry: str
    repository: str
    version: str

    @property
    def name(self) -> str:
        """What nodes call the image; one that came by its digest gets a tag that says so."""
        tag = self.version.replace(":", "-")[:40]
        return f"{self.registry}/{self.repository}:{tag}"


class Manifest(NamedTuple):
    """What is known of an image before its layers are fetched."""

    kind: str
    content: bytes

    @property
    def digest(self) -> str:
        """The digest that the registry knows it by."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


def parse(text: str) -> Reference | None:
    """Return the reference that a text is, None for anything else.

    The registry has to be named: nobody is asked for an image by default.
    """
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    return Reference(found["registry"], found["repository"], found["tag"] or found["digest"])


def get_archive(workshop: Workshop, reference: Reference) -> Path:
    """Return the image as an archive of the cache.

    The registry is asked what the name stands for now, and for layers only if that is new here.
    Raises ConfigError for what it does not have, TestbedError where it cannot be reached.
    """
    source = _Registry(reference)
    manifest = source.manifest()

    def make(work: Path, step: Step) -> None:
        (work / "out").mkdir(exist_ok=True)
        source.write(manifest, work / "out" / "image.tar", step)

    inputs = {"name": reference.name, "digest": manifest.digest, "recipe": "1"}
    entry = workshop.cache.get_or_make("image-archive", inputs, make, workshop.progress)
    return entry / "image.tar"


class _Registry:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        host = reference.registry.partition(":")[0]
        # As docker does: a registry on this machine itself needs no certificate.
        scheme = "http" if host in {"localhost", "127.0.0.1"} else "https"
        self.base = f"{scheme}://{reference.registry}/v2/{quote(reference.repository)}"
        self.authorization = ""

    def manifest(self) -> Manifest:
        """Return the manifest of the image for this machine's architecture."""
        version = self.reference.version
        found = self._manifest(version)
        if version.startswith("sha256:") and found.digest != version:
            raise TestbedError(f"{self.reference.registry} answers {version} with another image")
        if found.kind in _INDEXES:
            entries = json.loads(found.content)["manifests"]
            fits = [
                e for e in entries if e.get("platform", {}).get("architecture") == machine_arch()
            ]
            if not fits:
                raise ConfigError(f"the image {self.reference.name} is not for {machine_arch()}")
            found = self._manifest(fits[0]["digest"])
        return found

    def _manifest(self, version: str) -> Manifest:
        accepted = {"Accept": ", ".join((*_MANIFESTS, *_INDEXES))}
        with self._get(f"/manifests/{version}", accepted) as answer:
            kind = str(answer.headers.get_content_type())
            return Manifest(kind, answer.read(4 * _CHUNK))

    def write(self, manifest: Manifest, target: Path, step: Step) -> None:
        """Write an OCI layout with the manifest and all that it names."""
        described = json.loads(manifest.content)
        if "layers" not in described:
            raise ConfigError(
                f"{self.reference.name}: {manifest.kind} is no image of today's kinds"
            )
        entry = {
            "mediaType": manifest.kind,
            "digest": manifest.digest,
            "size": len(manifest.content),
            "annotations": {"io.containerd.image.name": self.reference.name},
        }
        with tarfile.open(target, "w") as archive:
            _put(archive, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
            index = {"schemaVersion": 2, "manifests": [entry]}
            _put(archive, "index.json", json.dumps(index).encode())
            _put(archive, _blob(manifest.digest), manifest.content)
            for layer in (described["config"], *described["layers"]):
                self._fetch(layer, archive, target.with_suffix(".part"), step)

    def _fetch(
        self, layer: dict[str, Any], archive: tarfile.TarFile, part: Path, step: Step
    ) -> None:
        digest, size = layer["digest"], int(layer["size"])
        checked = hashlib.sha256()
        with self._get(f"/blobs/{digest}") as answer, part.open("w+b") as file:
            while chunk := answer.read(_CHUNK):
                checked.update(chunk)
                file.write(chunk)
                step.detail(f"{digest[7:19]}: {file.tell() >> 20} of {size >> 20} MB")
            if f"sha256:{checked.hexdigest()}" != digest:
                raise TestbedError(f"{self.reference.registry}: {digest} came damaged")
            entry = tarfile.TarInfo(_blob(digest))
            entry.size = file.tell()
            file.seek(0)
            archive.addfile(entry, file)
        part.unlink()

    def _get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """Ask, with a token where the registry wants one; the answer is a context manager."""
        try:
            return self._ask(path, headers or {})
        except urllib.error.HTTPError as error:
            challenge = error.headers.get("WWW-Authenticate", "")
            if error.code != 401 or self.authorization:
                raise self._refusal(error) from error
            self.authorization = self._authorize(challenge)
        except urllib.error.URLError as error:
            raise TestbedError(f"{self.reference.registry}: {error.reason}") from error
        try:
            return self._ask(path, headers or {})
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error

    def _ask(self, path: str, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(self.base + path, headers=headers)  # noqa: S310
        if self.authorization:
            # Not sent on to where a registry may redirect to: that is another server.
            request.add_unredirected_header("Authorization", self.authorization)
        return urllib.request.urlopen(request, timeout=_WITHIN)  # noqa: S310

    def _authorize(self, challenge: str) -> str:
        scheme, _, rest = challenge.partition(" ")
        basic = _login(self.reference.registry)
        if scheme.lower() == "basic":
            return basic
        asked = dict(_CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in asked:
            raise TestbedError(f"{self.reference.registry} wants to be asked by {scheme or '?'}")
        query = {key: asked[key] for key in ("service", "scope") if key in asked}
        request = urllib.request.Request(f"{asked['realm']}?{urlencode(query)}")  # noqa: S310
        if basic:
            request.add_unredirected_header("Authorization", basic)
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN) as answer:  # noqa: S310
                given = json.load(answer)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        return f"Bearer {given.get('token') or given.get('access_token')}"

    def _refusal(self, error: urllib.error.HTTPError) -> ConfigError:
        what = {401: "log in with: docker login", 403: "not for this account", 404: "no such image"}
        reason = what.get(error.code, f"status {error.code}")
        return ConfigError(f"the image {self.reference.name}: {reason}")


def _login(registry: str) -> str:
    """Return what `docker login` has kept for a registry, "" for nothing."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        kept = json.loads((folder / "config.json").read_text()).get("auths", {})
    except (OSError, ValueError):
        return ""
    encoded = kept.get(registry, {}).get("auth", "")
    return f"Basic {encoded}" if encoded else ""


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _put(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
