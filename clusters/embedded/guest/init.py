"""The first process of an embedded node.

Started with nothing but the standard library, as pid 1 of a user-mode kernel or of a PID namespace
of the machine's own kernel. It sets up the node's mounts, sysctls and links, starts the node's
three workers (commands, pods, kubelet stand-in), and then collects orphans.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from clusters.embedded import namespaces
from clusters.embedded.guest import control, kubelet, pods

if TYPE_CHECKING:
    from collections.abc import Callable

# At the 8,192 entries that a 1 GB kernel gives itself, the table fills after a few thousand probes
# and SYNs vanish, which looks like a fault of kube-proxy.
CONNTRACK_MAX = 524_288
CONNTRACK_BUCKETS = 131_072

SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/all/accept_dad": "0",
    "net/ipv6/conf/default/accept_dad": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # Packets between two pods of one node cross only the bridge; without these two the reply of
    # a Service's backend would bypass the address translation.
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
    "net/netfilter/nf_conntrack_max": str(CONNTRACK_MAX),
    # Probes bind to source ports of their own, below these; see fixtures/source_ports.py.
    "net/ipv4/ip_local_port_range": "60000 65535",
    # By default a kernel sends one ICMP error a second to each client, and a refusal that is not
    # sent looks like a drop.
    "net/ipv4/icmp_ratelimit": "0",
    "net/ipv4/icmp_msgs_per_sec": "100000",
    "net/ipv6/icmp/ratelimit": "0",
    "kernel/panic": "-1",
}


def log(message: str) -> None:
    """Write a line to the node's console."""
    uptime = Path("/proc/uptime").read_text().split()[0]
    print(f"[{uptime}] init: {message}", flush=True)  # noqa: T201 - the console is the log


def mount_all(*, own_kernel: bool) -> None:
    """Hide the machine's own /proc, /run and devices behind the node's.

    /tmp stays the machine's, since builds and logs may lie there; TMPDIR points elsewhere.
    """
    if not own_kernel:
        namespaces.mount("none", "/", "", namespaces.MS_REC | namespaces.MS_PRIVATE)
    namespaces.mount("proc", "/proc", "proc")
    namespaces.mount("sysfs", "/sys", "sysfs")
    namespaces.mount("tmpfs", "/run", "tmpfs", data="mode=0755")
    if own_kernel:
        with contextlib.suppress(OSError):  # the kernel may have mounted it by itself
            namespaces.mount("devtmpfs", "/dev", "devtmpfs")
        for place in ("/dev/shm", "/dev/pts"):  # noqa: S108 - the same
            Path(place).mkdir(exist_ok=True)
        namespaces.mount("tmpfs", "/dev/shm", "tmpfs")  # noqa: S108 - the same
        namespaces.mount("devpts", "/dev/pts", "devpts", data="ptmxmode=666")
        if not Path("/dev/fd").exists():
            Path("/dev/fd").symlink_to("/proc/self/fd")
    for directory in ("/run/netns", "/run/lock", "/run/tools", "/run/tmp"):
        Path(directory).mkdir(exist_ok=True)


def set_sysctls(*, own_kernel: bool) -> None:
    """Apply the node's sysctls; those of the whole machine only in a kernel of the node's own."""
    for name, value in SYSCTLS.items():
        if not own_kernel and name.startswith(("kernel/", "net/netfilter/nf_conntrack_max")):
            continue
        path = Path("/proc/sys") / name
        try:
            path.write_text(value)
        except OSError as error:
            log(f"{name} not set: {error.strerror}")
    if own_kernel:
        buckets = Path("/sys/module/nf_conntrack/parameters/hashsize")
        buckets.write_text(str(CONNTRACK_BUCKETS))


def link_script(config: dict[str, Any]) -> str:
    """Return what `ip -batch` makes of the node's interfaces, addresses and routes."""
    eth, addresses, gateway = config["interface"], config["addresses"], config["pod_gateway"]
    lines = [
        "link set lo up",
        f"link set {eth} name eth0",
        f"addr add {addresses['ipv4']}/16 dev eth0",
        f"addr add {addresses['ipv6']}/64 dev eth0 nodad",
        "link set eth0 up",
        # A bridge without an address of its own takes the lowest of its ports', so that each pod
        # that comes or goes could change the gateway's address under the other pods.
        f"link add cni0 address {bridge_address(config)} type bridge forward_delay 0",
        f"addr add {gateway['ipv4']}/24 dev cni0",
        f"addr add {gateway['ipv6']}/64 dev cni0 nodad",
        "link set cni0 up",
        f"route add default via {config['gateway']['ipv4']}",
        f"route add default via {config['gateway']['ipv6']}",
    ]
    for peer in config["peers"]:
        lines.append(f"route add {peer['pod_cidr']['ipv4']} via {peer['addresses']['ipv4']}")
        lines.append(f"route add {peer['pod_cidr']['ipv6']} via {peer['addresses']['ipv6']}")
    return "\n".join(lines) + "\n"


def bridge_address(config: dict[str, Any]) -> str:
    """Return a hardware address for the pods' bridge, made of the gateway's IPv4 address."""
    octets = config["pod_gateway"]["ipv4"].split(".")
    return "02:58:" + ":".join(f"{int(octet):02x}" for octet in octets)


def batch(script: str) -> None:
    """Run `ip -batch` on `script`."""
    subprocess.run(["ip", "-batch", "-"], input=script, text=True, check=True)


def management_socket(config: dict[str, Any]) -> int:
    """Move the second interface into a namespace of its own and return a handle on that.

    kube-proxy never sees it, and no fault of the node's network reaches it.
    """
    keep = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    namespaces.unshare(namespaces.NEWNET)
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    namespaces.enter(f"/proc/self/fd/{keep}")
    interface = config["management_interface"]
    _move(interface, own)
    namespaces.enter(f"/proc/self/fd/{own}")
    batch(
        "link set lo up\n"
        f"addr add {config['management_address']}/16 dev {interface}\n"
        f"link set {interface} up\n"
    )
    namespaces.enter(f"/proc/self/fd/{keep}")
    os.close(keep)
    return own


def _move(interface: str, handle: int) -> None:
    name = Path("/run/netns/management")
    name.touch()
    namespaces.mount(f"/proc/self/fd/{handle}", str(name), "", 0x1000)
    batch(f"link set {interface} netns management\n")


def at_hand(program: str, *, own_kernel: bool) -> str:
    """Return where a program that is started often is to be started from.

    hostfs forgets what it has read of a file when nobody has it open any more, so that each start
    would read it anew. From the node's memory `iptables` starts a quarter faster.
    """
    if not own_kernel:
        return program
    copy = Path("/run/programs") / Path(program).name
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        shutil.copy2(program, copy)
    return str(copy)


def choose_iptables(backend: str, *, own_kernel: bool) -> None:
    """Put the chosen iptables first on PATH, under every name kube-proxy calls.

    The alternatives that distributions use are links in /etc, which is the machine's own.
    """
    program = shutil.which(f"xtables-{backend}-multi")
    if program is None:
        return
    program = at_hand(program, own_kernel=own_kernel)
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            Path(f"/run/tools/{family}{suffix}").symlink_to(program)


def link_tools(*, own_kernel: bool) -> None:
    """Put what kube-proxy starts beside iptables into the same place.

    What remembers a tool's path, as knftables does, remembers that one, so a tool can be exchanged
    while kube-proxy runs.
    """
    for name in ("nft", "ipset", "conntrack"):
        if program := shutil.which(name):
            Path(f"/run/tools/{name}").symlink_to(at_hand(program, own_kernel=own_kernel))


def answer_modprobe() -> None:
    """Have modprobe succeed for what this kernel has built in: it has no modules to look through.

    kube-proxy asks for ip_vs before it cleans up what IPVS mode left (k/k
    pkg/proxy/ipvs/cleanup.go), and on a packaged kernel gets it.
    """
    real = shutil.which("modprobe") or "false"
    shim = Path("/run/tools/modprobe")
    shim.write_text(
        f'#!/bin/sh\nfor name; do :; done\n[ -d "/sys/module/$name" ] && exit 0\nexec {real} "$@"\n'
    )
    shim.chmod(0o755)


def worker(name: str, work: Callable[[], None]) -> int:
    """Fork `work` off as a process of its own and return its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 - a dead worker has to say why
        log(f"{name} died:\n{traceback.format_exc()}")
    finally:
        os._exit(1)


def main() -> None:
    """Set the node up and stay as its pid 1."""
    config = json.loads(Path(os.environ.get("PROXYPROOF_NODE") or sys.argv[1]).read_text())
    own_kernel = config["kernel"] == "uml"
    os.environ["PATH"] = config["path"]
    os.environ["TMPDIR"] = "/run/tmp"
    mount_all(own_kernel=own_kernel)
    socket.sethostname(config["name"])
    choose_iptables(config["iptables_backend"], own_kernel=own_kernel)
    link_tools(own_kernel=own_kernel)
    if own_kernel:
        answer_modprobe()
    set_sysctls(own_kernel=own_kernel)
    management = management_socket(config)
    batch(link_script(config))
    log("network is up")
    to_pods, from_kubelet = socket.socketpair()
    worker("pods", lambda: pods.serve(config, from_kubelet, management))
    worker("kubelet", lambda: kubelet.serve(config, to_pods))
    server = worker("control", lambda: control.serve(config, management))
    to_pods.close()
    from_kubelet.close()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == server:
            log(f"control ended with {status}")
            break


if __name__ == "__main__":
    main()
