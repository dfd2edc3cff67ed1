"""A module of our own that builds Kubernetes commands as they are in a given release."""

from __future__ import annotations

import re

MODULE = "k8s.io/kubernetes"

_STAGING = re.compile(r"^\s*(?:replace\s+)?(k8s\.io/[\w.-]+)\s+=>\s+\./staging/", re.MULTILINE)
_UNVERSIONED = re.compile(
    r"^\s*(?:require\s+)?(k8s\.io/[\w.-]+)\s+v0\.0\.0\s*(?://.*)?$", re.MULTILINE
)
_GO = re.compile(r"^go .*$", re.MULTILINE)
_GODEBUG = re.compile(r"^godebug (?:\([^)]*\)|[^(\n].*)$", re.MULTILINE)


def staging_version(version: str) -> str:
    """Return the version of the staging modules of a release: v1.34.4 has v0.34.4."""
    return f"v0.{version.removeprefix('v1.')}"


def render_go_mod(upstream: str, version: str, copy: str = "") -> str:
    """go.mod of a module that requires Kubernetes `version`, from that version's own go.mod.

    A dependency's replace lines do not count, so each staging module is replaced by its published
    version here. The `go` and `godebug` lines are taken over, because they decide how the runtime
    behaves. With `copy` the source in that directory takes the place of the published one.
    """
    staging = sorted({*_STAGING.findall(upstream), *_UNVERSIONED.findall(upstream)})
    heads = [match.group(0) for rx in (_GO, _GODEBUG) if (match := rx.search(upstream))]
    lines = ["module proxyproof.local/kubernetes", *heads, f"require {MODULE} {version}"]
    replaces = [f"\t{name} => {name} {staging_version(version)}" for name in staging]
    replaces += [f"\t{MODULE} => {copy}"] if copy else []
    return "\n\n".join(lines) + "\n\nreplace (\n" + "\n".join(replaces) + "\n)\n"


def render_tools(packages: list[str]) -> str:
    """Return a tools.go that makes `go mod tidy` keep what the commands need."""
    imports = "".join(f'\t_ "{package}"\n' for package in packages)
    return f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n"


def linker_flags(version: str) -> str:
    """Return the flags of a release build: no symbols, and the version the binary says it is."""
    package = "k8s.io/component-base/version"
    major, minor = version.removeprefix("v").split(".")[:2]
    values = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "0" * 40,
        "buildDate": "1970-01-01T00:00:00Z",
    }
    return "-s -w " + " ".join(f"-X {package}.{name}={value}" for name, value in values.items())
