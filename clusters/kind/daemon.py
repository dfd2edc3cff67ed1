"""How dockerd is started, in namespaces of its own and with rules of nobody's."""

from __future__ import annotations

import re
from pathlib import Path

from clusters.kind.tools import tools_path

SOCKET = Path("/run/docker.sock")
HOST = f"unix://{SOCKET}"
RUNTIME = "proxyproof"
UP_WITHIN = 60.0


def environment(tools: Path, directory: Path) -> dict[str, str]:
    """Return what dockerd is started with for the run of a directory."""
    return {
        "PATH": tools_path(tools),
        "DOCKER_HOST": HOST,
        "HOME": str(directory),
        "TMPDIR": str(directory),
    }


def client_environment(tools: Path, directory: Path) -> dict[str, str]:
    """Return what docker, kind and whoever asks the API server are started with there."""
    return {
        **environment(tools, directory),
        "KUBECONFIG": str(directory / "kubeconfig"),
        "LC_ALL": "C.UTF-8",
    }


CAP_SYS_RESOURCE = 24
"""The number of include/uapi/linux/capability.h."""

RUNC = """#!/bin/sh
# A container that asks for all capabilities cannot have one that its creator may not have: where
# this machine's bounding set lacks CAP_SYS_RESOURCE it is left out of what runc is told.
previous=
for argument; do
  case $previous in
    --bundle | -b) file=$argument/config.json ;;
    --process | -p) file=$argument ;;
    *) file= ;;
  esac
  if [ -n "$file" ] && [ -f "$file" ]; then
    sed -i 's/"CAP_SYS_RESOURCE"/"CAP_CHOWN"/g' "$file"
  fi
  previous=$argument
done
exec {runc} "$@"
"""


def lacks_sys_resource(status: str) -> bool:
    """Tell from /proc/self/status whether the bounding set lacks CAP_SYS_RESOURCE."""
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and not int(found[1], 16) >> CAP_SYS_RESOURCE & 1


def write_runtime(directory: Path, tools: Path, status: str) -> Path:
    """Return the OCI runtime to use: runc, or a wrapper of it where capabilities are missing.

    `status` is the /proc/self/status of a process where dockerd will run.
    """
    runc = tools / "usr/sbin/runc"
    if not lacks_sys_resource(status):
        return runc
    wrapper = directory / "runc"
    wrapper.write_text(RUNC.replace("{runc}", str(runc)))
    wrapper.chmod(0o755)
    return wrapper


def command(tools: Path, *, data: Path, runtime: Path, cgroup: str = "") -> list[str]:
    """Return dockerd's command line; its state is in /run, which has to be the caller's own.

    It programs no rule at all: nodes reach each other over one bridge, and nothing leads out.
    """
    argv = [
        str(tools / "usr/sbin/dockerd"),
        f"--data-root={data}",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        f"--host={HOST}",
        "--storage-driver=overlay2",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        f"--add-runtime={RUNTIME}={runtime}",
        f"--default-runtime={RUNTIME}",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-masq=false",
        "--bip=172.31.0.1/24",
    ]
    return [*argv, f"--cgroup-parent={cgroup}"] if cgroup else argv
