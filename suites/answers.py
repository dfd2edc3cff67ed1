"""What kube-proxy answers over HTTP about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from suites.oracles.verdict import Judgement, right, wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clusters.protocol import Cluster, HttpAnswer, Node
    from fixtures.record import Recorder


class Answers:
    """GETs made on a node; an answer counts as something that the case has seen."""

    def __init__(self, cluster: Cluster, recorder: Recorder) -> None:
        self.cluster = cluster
        self.recorder = recorder

    def get(self, node: Node, host: str, port: int, path: str = "/") -> HttpAnswer:
        """Return the answer; its status is 0 when there was none."""
        where = f"[{host}]" if ":" in host else host
        said = self.cluster.http(node, f"http://{where}:{port}{path}")
        if said.status:
            self.recorder.seen()
        return said

    def judge(
        self,
        node: Node,
        host: str,
        port: int,
        path: str = "/",
        *,
        status: int = 200,
        body: Callable[[str], bool] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Judgement:
        """Judge that the answer has this status, a body that `body` accepts, and these headers.

        Status 0 is no answer; the headers' names are in small letters.
        """
        said = self.get(node, host, port, path)
        text = said.body[:200]
        what = f"{host} port {port}{path} answered {node.name} with {said.status or 'nothing'}"
        if said.status != status:
            return wrong(f"{what}; it should be {status or 'nothing'}: {text}")
        if body is not None and not body(said.body):
            return wrong(f"{what} and the wrong content: {text}")
        for name, value in (headers or {}).items():
            if (seen := said.headers.get(name)) != value:
                return wrong(f"{what} and {name} {seen or 'missing'}; it should be {value}")
        return right(what)
