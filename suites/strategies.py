"""What random Services are drawn from: few values, so that changes meet each other."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from suites.oracles.world import Endpoint, Port

SLOTS = st.sampled_from(["s0", "s1", "s2"])
A, B = Port("a", "tcp", 80), Port("b", "udp", 80)
PORTS = st.sampled_from(
    [
        (A, B),
        (A,),
        (B,),
        (A, B, Port("c", "tcp", 81)),
        (Port("c", "tcp", 80), Port("d", "udp", 80)),
        (Port("x", "tcp", 80), B),
        (Port("a", "tcp", 82), Port("b", "udp", 80)),
    ]
)
STATES = st.sampled_from(["ready", "ready", "ready", "unready", "draining", "ended"])
POLICY = st.sampled_from(["Cluster", "Local"])
TYPES = st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])
NODES = st.integers(0, 1)
HINT = st.one_of(st.none(), st.none(), NODES)


def endpoints(pods: int) -> st.SearchStrategy[tuple[Endpoint, ...]]:
    """Return any endpoints over a pool of pods, each pod once."""
    single = st.builds(Endpoint, st.integers(0, pods - 1), STATES)
    plain = st.lists(single, max_size=pods, unique_by=lambda e: e.pod).map(tuple)
    hinted = st.tuples(plain, st.lists(st.tuples(HINT, HINT), min_size=pods, max_size=pods)).map(
        lambda pair: tuple(
            replace(e, zone=zone, node=node)
            for e, (zone, node) in zip(pair[0], pair[1], strict=False)
        )
    )
    return st.one_of(plain, plain, plain, hinted)
