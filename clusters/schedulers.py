"""Whether a node's kernel has an IPVS scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clusters.protocol import Ran

# kube-proxy's own check makes a virtual server of the scheduler, too (CanUseIPVSProxier in k/k
# pkg/proxy/ipvs/supported.go); nothing else in a node has this address (RFC 5737).
_TRIAL = "192.0.2.254:9"


def has_scheduler(run: Callable[[Sequence[str]], Ran], name: str) -> bool:
    """Tell whether the kernel can schedule by `name`; `run` runs a command on the node."""
    made = run(["ipvsadm", "-A", "-t", _TRIAL, "-s", name])
    if made.status == 0:
        run(["ipvsadm", "-D", "-t", _TRIAL])
    return made.status == 0
