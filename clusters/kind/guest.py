"""The first process of the user-mode kernel that dockerd and kind run in.

Started with nothing but the standard library. It gives the kernel's root what containers need
(cgroup v2, a disk, devices), brings the link to the run up, and serves a lab's requests over it.
The machine's own files are there to be read; only the run's own folders can be written.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from clusters.embedded import lab, namespaces
from clusters.embedded.guest import init

MS_SHARED = 0x10_0000
MS_NOATIME = 0x400
CGROUPS = Path("/sys/fs/cgroup")

SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # No rule of the kernel's own root is about what crosses the nodes' bridge.
    "net/bridge/bridge-nf-call-iptables": "0",
    "net/bridge/bridge-nf-call-ip6tables": "0",
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "100000",
    "net/ipv6/icmp/ratelimit": "0",
    # Only a kernel's root may set these, and nodes in containers have what is set here.
    "net/netfilter/nf_conntrack_max": str(init.CONNTRACK_MAX),
    "fs/inotify/max_user_instances": "8192",
    "fs/inotify/max_user_watches": "524288",
    "kernel/pid_max": "65536",
    # The kubelet sets what follows, and in a container it cannot.
    "vm/overcommit_memory": "1",
    "kernel/panic": "-1",
}


def mount_all(config: dict[str, Any]) -> None:
    """Mount what containers need, and hide of the machine what they could change."""
    init.mount_all(own_kernel=True)
    for path in config["writable"]:
        # The root is mounted read-only; the same folders once more can be written.
        namespaces.mount("none", path, "hostfs", data=path)
    # dockerd writes keys there.
    cover("/etc")
    if not Path("/lib/modules").is_dir():
        # kind mounts it into every node.
        cover(os.path.realpath("/lib"))
        Path("/lib/modules").mkdir()
    namespaces.mount("cgroup2", str(CGROUPS), "cgroup2")
    hand_on(CGROUPS)
    disk = Path(config["data"])
    disk.mkdir()
    namespaces.mount("/dev/ubda", str(disk), "ext4", MS_NOATIME)
    namespaces.mount("none", "/", "", namespaces.MS_REC | MS_SHARED)


def cover(path: str) -> None:
    """Have what is written to one of the machine's folders stay in the kernel's memory."""
    upper, work = (Path(f"/run/covers{path}", name) for name in ("upper", "work"))
    for folder in (upper, work):
        folder.mkdir(parents=True)
    options = f"lowerdir={path},upperdir={upper},workdir={work}"
    namespaces.mount("overlay", path, "overlay", data=options)


def hand_on(group: Path) -> None:
    """Have the cgroup's children get every controller that the kernel has."""
    for controller in (group / "cgroup.controllers").read_text().split():
        (group / "cgroup.subtree_control").write_text(f"+{controller}")


def set_sysctls() -> None:
    """Apply what nodes in containers cannot set themselves; says what the kernel has not."""
    for name, value in SYSCTLS.items():
        try:
            Path("/proc/sys", name).write_text(value)
        except OSError as error:
            init.log(f"{name} not set: {error.strerror}")
    buckets = Path("/sys/module/nf_conntrack/parameters/hashsize")
    buckets.write_text(str(init.CONNTRACK_BUCKETS))


def serve(address: str, port: int) -> None:
    """Answer requests, each connection in a thread, until the kernel ends."""
    server = socket.create_server((address, port), backlog=64)
    init.log("ready")
    lab.listen(lab.Lab(Path("/run")), server)


def main() -> None:
    """Get the kernel ready, and stay as its pid 1."""
    config = json.loads(Path(os.environ["PROXYPROOF_KERNEL"]).read_text())
    os.environ["PATH"] = f"/run/tools:{config['path']}"
    os.environ["TMPDIR"] = "/run/tmp"
    mount_all(config)
    socket.sethostname("kind")
    init.answer_modprobe()
    set_sysctls()
    init.batch(
        "link set lo up\n"
        f"addr add {config['address']}/{config['prefix']} dev vec0\n"
        "link set vec0 up\n"
        f"route add default via {config['gateway']}\n"
    )
    # The kernel's clock starts at the machine's, to the second.
    init.log(f"network is up at {time.time():.0f}")
    server = init.worker("server", lambda: serve(config["address"], config["port"]))
    while os.wait()[0] != server:
        pass


if __name__ == "__main__":
    main()
