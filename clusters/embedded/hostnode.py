"""Start a node in namespaces of the machine's own kernel (`--kp-kernel host`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from clusters.embedded import namespaces


def main(described: Path) -> None:
    """Make the namespaces, move the node's two links into them and become its first process.

    The parent stays, so that the node's end is this process's end.
    """
    config = json.loads(described.read_text())
    ready, go = os.pipe()
    namespaces.unshare(namespaces.NEWPID)
    child = os.fork()
    if child == 0:
        os.read(ready, 1)
        namespaces.die_with_parent()
        os.environ["PROXYPROOF_NODE"] = str(described)
        init = Path(__file__).resolve().parent / "guest" / "init.py"
        namespaces.unshare(namespaces.NEWNS | namespaces.NEWUTS)
        namespaces.enter(f"/run/netns/{config['name']}", namespaces.NEWNET)
        os.execv(sys.executable, [sys.executable, "-S", "-B", str(init)])  # noqa: S606
    links = (config["interface"], config["management_interface"])
    script = f"netns add {config['name']}\n" + "".join(
        f"link set {link} netns {config['name']}\n" for link in links
    )
    subprocess.run(["ip", "-batch", "-"], input=script, text=True, check=True)
    os.write(go, b"g")
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
