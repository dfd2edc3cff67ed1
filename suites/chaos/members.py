"""A Service whose endpoints a case writes itself, so that the moment of each change is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fixtures.churn import in_parallel
from fixtures.history import BEFORE, Stay
from fixtures.slices import Slices, endpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fixtures.history import History, Span
    from fixtures.workloads import Pod, Workloads


class Members:
    """The endpoints of one Service without selector."""

    def __init__(
        self,
        workloads: Workloads,
        history: History,
        pods: Sequence[Pod],
        name: str = "web",
        **spec: Any,
    ) -> None:
        """Make the Service, and these pods its endpoints."""
        self.history = history
        self.family = workloads.family
        self.service = workloads.service(name, app=None, type="NodePort", **spec)
        self.slices = Slices(self.service)
        self.now: list[Pod] = list(pods)
        self.ever = {pod.identity for pod in pods}
        self.slices.write("a", endpoints(pods, self.family))
        history.stays += [Stay(pod.identity, BEFORE) for pod in pods]

    def set(self, pods: Sequence[Pod], *, apart: bool = False) -> Span:
        """Make these pods, and only these, endpoints; returns the change.

        With `apart` each has a slice of its own, all of which are written at the same moment; it
        stays so, with as many pods, until the end.
        """
        joining = [pod for pod in pods if pod not in self.now]
        leaving = [pod for pod in self.now if pod not in pods]
        named = [f"+{pod.name}" for pod in joining] + [f"-{pod.name}" for pod in leaving]
        # Before the write: what reaches them while it is under way is right.
        self.ever |= {pod.identity for pod in joining}
        with self.history.change(" ".join(named) or "no change") as span:
            if apart:
                in_parallel(self._write_apart, enumerate(pods))
            self.slices.write("a", [] if apart else endpoints(pods, self.family))
        for pod in leaving:
            self.history.left(pod.identity, span)
        for pod in joining:
            self.history.joined(pod.identity, span)
        self.now = list(pods)
        return span

    def _write_apart(self, numbered: tuple[int, Pod]) -> None:
        number, pod = numbered
        self.slices.write(f"apart-{number}", endpoints([pod], self.family))

    def drop_slice(self, pods: Sequence[Pod]) -> Span:
        """Delete an EndpointSlice of these pods, made by `in_own_slice`."""
        with self.history.change(f"-slice of {', '.join(pod.name for pod in pods)}") as span:
            self.slices.delete("own")
        for pod in pods:
            self.history.left(pod.identity, span)
        self.now = [pod for pod in self.now if pod not in pods]
        return span

    def in_own_slice(self, pods: Sequence[Pod]) -> Span:
        """Make pods endpoints by an EndpointSlice of their own."""
        self.ever |= {pod.identity for pod in pods}
        with self.history.change(f"+slice of {', '.join(pod.name for pod in pods)}") as span:
            self.slices.write("own", endpoints(pods, self.family))
        for pod in pods:
            self.history.joined(pod.identity, span)
        return span

    def swap(self, leaving: Pod, joining: Pod) -> Span:
        """Put one pod in another's place in one write."""
        return self.set([joining if pod is leaving else pod for pod in self.now])
