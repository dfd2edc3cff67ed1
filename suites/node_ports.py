"""NodePorts that are still free when they are wanted again, whatever other cases take meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kubernetes.client.exceptions import ApiException

from clusters.errors import TestbedError
from fixtures.workloads import DEFAULT_PORTS

if TYPE_CHECKING:
    from fixtures.services import Service
    from fixtures.workloads import Workloads

STATIC = range(30_000, 30_086)
"""What an API server hands out last by itself, of the default range (KEP-3668)."""

EACH = 4
"""Numbers of each of the processes that run cases beside each other, whose ids are near."""


def numbers(process: int | None = None) -> list[int]:
    """Return the static NodePorts in the order in which a process tries them, its own first."""
    start = (os.getpid() if process is None else process) * EACH % (len(STATIC) // EACH * EACH)
    return [STATIC[(start + index) % len(STATIC)] for index in range(len(STATIC))]


def with_own_number(workloads: Workloads, name: str = "web") -> Service:
    """Make a Service of type NodePort with a number that no other case is given once it is free.

    Where the cluster has another range than the default one, with any number. Raises `TestbedError`
    when somebody has all that there are.
    """
    for number in numbers():
        ports = [{**port, "nodePort": number} for port in DEFAULT_PORTS]
        try:
            return workloads.service(name, type="NodePort", ports=ports)
        except ApiException as error:
            if "not in the valid range" in str(error.body):
                return workloads.service(name, type="NodePort")
            if "already allocated" not in str(error.body):
                raise
    raise TestbedError(f"all NodePorts from {STATIC[0]} to {STATIC[-1]} are taken")
