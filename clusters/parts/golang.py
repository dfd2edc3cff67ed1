"""How this project calls Go: what the user's environment may decide and what it may not."""

from __future__ import annotations

import os
import shlex

from clusters.errors import ConfigError
from clusters.parts.packages import find_tool

_OURS = ("mod", "modfile", "buildvcs", "trimpath", "ldflags", "o", "overlay", "tags", "race", "v")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def machine_arch() -> str:
    """Return this machine's architecture as Go and Kubernetes call it; or raise ConfigError."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise ConfigError(f"Kubernetes binaries for {machine} are not supported")
    return _ARCHITECTURES[machine]


def go_tool() -> str:
    """Return the go command; raises ConfigError saying what to do when there is none."""
    found = find_tool("go")
    if found is None:
        raise ConfigError(
            "building Kubernetes needs Go on PATH (https://go.dev/doc/install); "
            "or give a kube-proxy binary"
        )
    return str(found)


def own_flags(goflags: str) -> str:
    """GOFLAGS without the flags that this project sets itself."""
    flags = shlex.split(goflags)
    return " ".join(flag for flag in flags if flag.lstrip("-").partition("=")[0] not in _OURS)


def go_env(flags: str = "") -> dict[str, str]:
    """Additions to the environment for a go command.

    Proxies, GOPROXY, GOCACHE and the rest of the user's settings stay. The toolchain is the
    installed one: a download of another would hide in the time of the build.
    """
    return {
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": machine_arch(),
        "GOFLAGS": f"{own_flags(os.environ.get('GOFLAGS', ''))} {flags}".strip(),
    }
