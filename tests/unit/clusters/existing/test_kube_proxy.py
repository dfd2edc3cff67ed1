"""Who runs on a node while its kube-proxy is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clusters.existing.daemon_set import CONFIG_MAPS, DAEMON_SET, NAME, NODE_LABEL
from clusters.existing.kube_proxy import KubeProxies
from clusters.existing.proxy_pod import PODS
from clusters.protocol import ProxySpec

if TYPE_CHECKING:
    import pytest

USUAL = ProxySpec(Path("kube-proxy"), "nftables")
OWN = USUAL.with_config({"nftables": {"syncPeriod": "41s"}})
OTHER = USUAL.with_config({"nftables": {"syncPeriod": "42s"}})
CONTAINER = {"name": NAME, "command": ["kube-proxy"], "image": "kube-proxy:usual"}
KEPT: dict[str, dict[str, Any]] = {
    DAEMON_SET: {"spec": {"template": {"spec": {"containers": [CONTAINER], "volumes": []}}}},
    f"{CONFIG_MAPS}/{NAME}": {"data": {"config.conf": "mode: nftables"}},
}


class Slow:
    """A node and its API: a kubelet that lets a process go on until two looks after its pod."""

    def __init__(self) -> None:
        self.name, self.spec, self.control = "worker", USUAL, self
        self.looks_left = 0
        self.came_up: list[str] = []

    def ask(self, operation: str) -> dict[str, Any]:
        """Say what runs."""
        assert operation == "proxy"
        self.looks_left -= 1
        return {"processes": [7] if self.looks_left >= 0 else []}

    def find(self, path: str) -> dict[str, Any] | None:
        """Read what may be there."""
        return KEPT.get(path)

    def get(self, path: str) -> dict[str, Any]:
        """Read what is there."""
        return KEPT[path]

    def create(self, path: str, _manifest: dict[str, Any]) -> None:
        """Run a pod of our own at once."""
        if path == PODS:
            self._comes_up("own")

    def patch(self, _path: str, body: dict[str, Any]) -> None:
        """Label the node: the DaemonSet's pod comes at once, or begins to go."""
        if body["metadata"]["labels"][NODE_LABEL] is None:
            self._comes_up("usual")
        else:
            self.looks_left = 2

    def delete(self, path: str, **_grace: int) -> None:
        """Forget a pod, whose process goes on."""
        if path.startswith(PODS):
            self.looks_left = 2

    def _comes_up(self, which: str) -> None:
        self.came_up.append(f"{which} beside another" if self.looks_left > 0 else which)


def test_nothing_comes_up_beside_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has synced is what was asked for: the old one is waited for in each direction."""
    monkeypatch.setattr("clusters.existing.kube_proxy.POLL", 0.001)
    node = Slow()
    proxies = KubeProxies(cast("Any", node), 1.0, lambda _spec: "kube-proxy:own")
    proxies.base = USUAL
    for spec in (OWN, OTHER, USUAL):
        proxies.replace(cast("Any", node), spec, clean=False)
    assert node.came_up == ["own", "own", "usual"]
