"""kube-proxy on an embedded node: start, first sync, stop, clean up, state dump."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import yaml

from clusters.embedded.proxy_config import render
from clusters.errors import BuildError
from clusters.protocol import HEALTHZ_PORT, KUBE_PROXY_HOST, METRICS_PORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from clusters.embedded.node import EmbeddedNode

POLL = 0.05
LOOK_AGAIN = 0.2
"""Seconds; in IPVS mode no sync logs that it has ended."""

FAMILIES = 2
PATIENCE = 5
NAME = "kube-proxy"

# What kube-proxy says when it does not know a mode, or when the kernel lacks what a mode needs. The
# first is validateProxyMode's of k/k pkg/proxy/apis/config/validation, its quotes escaped by klog.
NOT_OFFERED = re.compile(
    r"ProxyMode: Invalid value: \S+ must be [\w,]+(?: [\w,]+)*|"
    r"unknown proxy-?mode|unsupported (?:proxy )?mode|supported values: .*|"
    r"proxy mode .*is not supported|can't use the IPVS proxier|"
    r"unrecognized feature gate: (?:NFTablesProxyMode|KubeProxyIPVS)",
    re.IGNORECASE,
)

# How the Go runtime begins its last words.
CRASHED = re.compile(r"^(?:panic|fatal error): ", re.MULTILINE)

DUMPS = {
    "iptables.txt": ["iptables-save", "-c"],
    "ip6tables.txt": ["ip6tables-save", "-c"],
    "nft.txt": ["nft", "list", "ruleset"],
    "ipvs.txt": ["ipvsadm", "-Ln"],
    "ipset.txt": ["ipset", "save"],
    "addresses.txt": ["ip", "-d", "address"],
    "routes.txt": ["ip", "route", "show", "table", "all"],
    "conntrack.txt": ["conntrack", "-L", "-o", "extended"],
    "sockets.txt": ["ss", "-lntup"],
}


class News:
    """Tells whether it is worth asking a node again, which costs it more than a look at a log."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.size = -1
        self.asked = 0.0

    def any(self) -> bool:
        """Tell whether kube-proxy has logged since the last time, or that is long ago.

        It logs at every step of its start and at the end of each sync.
        """
        size = self.log.stat().st_size if self.log.exists() else 0
        now = time.monotonic()
        if size == self.size and now - self.asked < LOOK_AGAIN:
            return False
        self.size, self.asked = size, now
        return True


class ProxyRunner:
    """Runs kube-proxy on nodes."""

    def __init__(self, kubeconfig: str, first_sync: float) -> None:
        """`first_sync` is how many seconds a kube-proxy has from its start to its first sync."""
        self.kubeconfig = kubeconfig
        self.first_sync = first_sync

    def start(self, node: EmbeddedNode) -> None:
        """Start the node's `spec`; returns before it has synced."""
        described = render(node.spec, node=node.name, kubeconfig=self.kubeconfig)
        path = node.directory / "kube-proxy.yaml"
        path.write_text(yaml.safe_dump(described))
        node.proxy_wanted = True
        argv = [str(node.spec.build), f"--config={path}", "-v=2", *node.spec.flags]
        node.control.ask("spawn", name=NAME, argv=argv, log=str(node.proxy_log))

    def wait_synced(self, node: EmbeddedNode) -> None:
        """Wait for the first sync; raises `BuildError` with the log's last lines.

        What the node had to wait for a processor is not the build's, so it is added to the bound,
        up to PATIENCE times that.
        """
        started, idle = time.monotonic(), node.waited()
        news = News(node.proxy_log)
        while True:
            took = time.monotonic() - started
            if news.any():
                if self.synced(node):
                    return
                status = node.control.ask("status", name=NAME)["status"]
                if status is not None:
                    raise self._ended(node, status, took)
            if took > self.first_sync and took > self._bound(node.waited() - idle):
                raise BuildError(
                    f"kube-proxy on {node.name} runs, but has not synced after {took:.0f} s",
                    kind="never-syncs",
                    node=node.name,
                    log=node.tail(),
                )
            time.sleep(POLL)

    def _bound(self, waited: float) -> float:
        return min(self.first_sync + waited, self.first_sync * PATIENCE)

    def synced(self, node: EmbeddedNode) -> bool:
        """Tell whether every family has finished a sync since kube-proxy started.

        A family shows in the metrics when it has synced once, in old releases both as one. So a
        build that has shown one only is through when it does nothing more.
        """
        return has_synced(node.control.ask)

    def stop(self, node: EmbeddedNode, number: int = signal.SIGKILL) -> None:
        """End kube-proxy and wait until it has ended."""
        node.proxy_wanted = False
        node.control.ask("signal", name=NAME, signal=int(number), wait=5.0)

    def signal(self, node: EmbeddedNode, number: int) -> None:
        """Send kube-proxy a signal that does not end it."""
        node.control.ask("signal", name=NAME, signal=int(number))

    def clean_up(self, node: EmbeddedNode) -> None:
        """Remove the rules of the node's present mode with the build's own `--cleanup`.

        Switching between iptables and IPVS leaves rules behind otherwise (KEP-3866 documents it).
        """
        argv = [str(node.spec.build), "--cleanup"]
        node.control.ask("exec", within=35, argv=argv, timeout=30)

    def dump(self, node: EmbeddedNode, directory: Path) -> None:
        """Write the node's kernel state into files of `directory`/NODE."""
        target = directory / node.name
        target.mkdir(parents=True, exist_ok=True)
        for name, argv in DUMPS.items():
            reply = node.control.ask("exec", within=20, argv=argv, timeout=15)
            text = reply.get("stdout", "") or reply.get("stderr", "")
            if text:
                (target / name).write_text(text)
        spec = {"build": str(node.spec.build), "mode": node.spec.mode}
        (target / "proxy.json").write_text(json.dumps(spec))

    def check_alive(self, node: EmbeddedNode) -> None:
        """Raise `BuildError` when kube-proxy has ended although nobody ended it."""
        reply = node.control.ask("status", name=NAME)
        if node.proxy_wanted and reply["known"] and reply["status"] is not None:
            raise BuildError(
                f"kube-proxy on {node.name} ended by itself with status {reply['status']}",
                kind="crashes",
                node=node.name,
                log=node.tail(),
            )

    def _ended(self, node: EmbeddedNode, status: int, seconds: float) -> BuildError:
        tail = node.tail()
        offered = NOT_OFFERED.search(tail)
        crashed = status < 0 or CRASHED.search(tail)
        kind = "mode-not-offered" if offered else "crashes" if crashed else "does-not-start"
        how = f"signal {-status}" if status < 0 else f"status {status}"
        message = f"kube-proxy on {node.name} ended with {how} {seconds:.1f} s after its start"
        if offered:
            message = f"the build does not offer mode {node.spec.mode}: {offered.group(0)}"
        return BuildError(message, kind=kind, node=node.name, log=tail)


def has_synced(ask: Callable[..., dict[str, Any]]) -> bool:
    """Tell whether the kube-proxy of the node that `ask` asks has synced, as `synced` says."""
    # The health answer is small; the metrics are a hundred times that, so they come second.
    health = ask("http", url=f"http://{KUBE_PROXY_HOST}:{HEALTHZ_PORT}/healthz", timeout=2.0)
    if health["status"] != 200:
        return False
    url = f"http://{KUBE_PROXY_HOST}:{METRICS_PORT}/metrics"
    reply = ask("http", url=url, timeout=2.0)
    stamps = re.findall(
        r"^kubeproxy_sync_proxy_rules_last_timestamp_seconds(?:\{[^}]*\})? (\S+)$",
        reply["body"],
        re.MULTILINE,
    )
    if not stamps or not all(float(stamp) > 0 for stamp in stamps):
        return False
    return len(stamps) == FAMILIES or not ask("busy", name=NAME)["busy"]
