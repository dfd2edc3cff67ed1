"""What kube-proxy answers over HTTP about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, right, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.protocol import Cluster, Node
    from fixtures.record import Recorder


class Answers:
    """GETs made on a node; an answer counts as something that the case has seen."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self.cluster = cluster
        self.recorder = recorder

    def get(self, node: Node, host: str, port: int, path: str = "/") -> tuple[int, str]:
        """Return status and body; status 0 when there was no HTTP answer."""
        where = f"[{host}]" if ":" in host else host
        status, body = self.cluster.http(node, f"http://{where}:{port}{path}")
        if status:
            self.recorder.seen()
        return status, body

    def judge(
        self,
        node: Node,
        host: str,
        port: int,
        path: str = "/",
        *,
        status: int = 200,
        body: Callable[[str], bool] | None = None,
    ) -> Judgement:
        """Judge that the answer has this status and a body that `body` accepts; 0: no answer."""
        seen, text = self.get(node, host, port, path)
        what = f"{host} port {port}{path} answered {node.name} with {seen or 'nothing'}"
        if seen != status:
            return wrong(f"{what}; it should be {status or 'nothing'}: {text[:200]}")
        if body is not None and not body(text):
            return wrong(f"{what} and the wrong content: {text[:200]}")
        return right(what)
