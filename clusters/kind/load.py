"""Fill a docker data root with an image, without a registry.

Runs as a program in namespaces of its own: `unshare -nmpf --kill-child --mount-proc python -m
clusters.kind.load TOOLS ARCHIVE DATA`. The data root must not be below /run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from clusters.embedded import namespaces
from clusters.kind import daemon
from clusters.kind.tools import tools_path


def main(tools: Path, archive: Path, data: Path) -> None:
    """Start dockerd on the data root, load the archive, and end dockerd properly."""
    namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount("tmpfs", "/run", "tmpfs", data="mode=0755")
    Path("/run/lock").mkdir()
    os.environ |= {"PATH": tools_path(tools), "DOCKER_HOST": daemon.HOST}
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    runtime = daemon.write_runtime(Path("/run"), tools, Path("/proc/self/status").read_text())
    process = subprocess.Popen(daemon.command(tools, data=data, runtime=runtime))
    try:
        deadline = time.monotonic() + daemon.UP_WITHIN
        while subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("dockerd does not start; its last lines are above")
            time.sleep(0.1)
        subprocess.run(["docker", "load", "--input", str(archive)], check=True)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main(*(Path(argument).absolute() for argument in sys.argv[1:4]))
