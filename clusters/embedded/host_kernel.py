"""Whether the machine's own kernel has what a mode needs, tried in a network namespace."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from clusters.errors import ConfigError
from clusters.protocol import MODES

if TYPE_CHECKING:
    from clusters.protocol import Mode

NFT = """
table ip probe {
  chain services { type nat hook prerouting priority -100;
    ip daddr 192.0.2.1 tcp dport 80 dnat to numgen random mod 2 map { 0 : 192.0.2.2, 1 : 192.0.2.3 }
    fib daddr type local accept
    ip daddr 192.0.2.9 reject with tcp reset
  }
  chain masquerading { type nat hook postrouting priority 100;
    mark & 0x4000 == 0x4000 masquerade
  }
}
"""

IPTABLES = """*nat
-A OUTPUT -m statistic --mode random --probability 0.5 -m comment --comment x -j RETURN
-A OUTPUT -m addrtype --dst-type LOCAL -j RETURN
-A OUTPUT -m recent --name x --rcheck --seconds 1 -j RETURN
-A OUTPUT -j MARK --or-mark 0x4000
-A POSTROUTING -m mark --mark 0x4000 -j MASQUERADE
-A OUTPUT -p tcp -j DNAT --to-destination 192.0.2.1:80
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -j REJECT
COMMIT
"""

# What each mode does in its first sync, reduced to one command each that fails where the kernel
# lacks the part. The words on the left are what the user is told.
TRIALS: dict[str, list[tuple[str, list[str], str]]] = {
    "iptables": [
        (
            "netfilter's iptables matches and targets (xt_statistic, xt_recent, REJECT ...)",
            ["iptables-restore", "--noflush"],
            IPTABLES,
        )
    ],
    "nftables": [("nf_tables with nat, numgen, fib and reject", ["nft", "-f", "-"], NFT)],
    "ipvs": [
        ("IP Virtual Server (CONFIG_IP_VS, _RR)", ["ipvsadm", "-A", "-t", "192.0.2.1:80"], ""),
        ("ipset (CONFIG_IP_SET_HASH_IPPORT)", ["ipset", "create", "x", "hash:ip,port"], ""),
        (
            "a dummy interface (CONFIG_DUMMY)",
            ["ip", "link", "add", "kube-ipvs0", "type", "dummy"],
            "",
        ),
        (
            "netfilter's iptables matches and targets (xt_set ...)",
            ["iptables-restore", "--noflush"],
            IPTABLES,
        ),
    ],
}


def missing(mode: Mode) -> list[str]:
    """Return what the machine's kernel lacks for `mode`; empty when nodes can use it."""
    lacking = []
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    for name, argv, stdin in TRIALS[mode]:
        tried = subprocess.run(
            ["unshare", "--net", *argv],
            input=stdin,
            text=True,
            capture_output=True,
            env=environment,
            check=False,
        )
        if tried.returncode:
            lines = [line for line in (tried.stderr or tried.stdout).splitlines() if line.strip()]
            said = next((line for line in lines if "Error" in line), "".join(lines[-1:]))
            lacking.append(f"{name}: {said.rstrip('.')}")
    return lacking


def has_every_mode() -> bool:
    """Tell whether the machine's kernel lacks nothing for any mode."""
    return not any(missing(mode) for mode in MODES)


def check(mode: Mode) -> None:
    """Raise `ConfigError` when nodes of `mode` cannot use the machine's own kernel."""
    if lacking := missing(mode):
        raise ConfigError(
            f"--kp-kernel host: this machine's kernel cannot run {mode} nodes; it lacks "
            f"{'; '.join(lacking)}. Use --kp-kernel uml."
        )
