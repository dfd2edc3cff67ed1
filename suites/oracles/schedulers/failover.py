"""IPVS schedulers that fill one destination before they use another: fo and ovf."""

from __future__ import annotations

from suites.oracles.schedulers.destinations import Destination, Destinations


class Failover(Destinations):
    """The fo scheduler: net/netfilter/ipvs/ip_vs_fo.c. The highest weight, the first among equals.

    With kube-proxy's weights of 1 the endpoint that was added last gets everything: no balancing.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        return max(self._usable(), key=lambda destination: destination.weight, default=None)


class Overflow(Destinations):
    """The ovf scheduler: net/netfilter/ipvs/ip_vs_ovf.c.

    The highest weight, the first among equals, of those whose active connections do not exceed
    their weight. With kube-proxy's weights of 1 each endpoint takes two open connections and the
    next client is refused, while short connections all go to the head of the list.
    """

    def _pick(self, client_address: str, client_port: int) -> Destination | None:  # noqa: ARG002
        room = (d for d in self._usable() if d.active <= d.weight)
        return max(room, key=lambda destination: destination.weight, default=None)
