"""What each fault may do to connections and to what a kube-proxy knows, so that faults compose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fixtures.faults import ApiDown, Frozen, ProxyKilled, ProxyStopped, StoreStalled, Unplugged
from fixtures.link_faults import Corrupted, Narrow
from fixtures.network_faults import ApiCut, Deaf, LinkDown, Netem
from fixtures.node_faults import ClockStepped, ConntrackFull, CpuBusy, MemoryShort
from fixtures.program_faults import DiskFull

if TYPE_CHECKING:
    from fixtures.faults import Fault

Reach = Literal["", "victim", "all"]


@dataclass(frozen=True, slots=True)
class Effect:
    """During the fault: who learns nothing, and who may fail.

    With `backoff` as long again, with `retries` as `fixtures.history.longest_retry` says.
    `flows_break` is whether open connections may end, `writable` whether the API takes changes
    meanwhile.
    """

    deaf: Reach = ""
    excused: Reach = ""
    backoff: bool = False
    retries: bool = False
    flows_break: bool = False
    writable: bool = True


SILENT = Effect(deaf="victim", excused="all", backoff=True)
EFFECTS: dict[type[Fault], Effect] = {
    ProxyKilled: Effect(deaf="victim"),
    ProxyStopped: Effect(deaf="victim"),
    ApiDown: Effect(deaf="all", retries=True, writable=False),
    StoreStalled: Effect(deaf="all", retries=True, writable=False),
    ApiCut: Effect(deaf="victim", backoff=True),
    Frozen: SILENT,
    Unplugged: SILENT,
    Deaf: SILENT,
    # What was masqueraded with an interface's address is forgotten with it.
    LinkDown: Effect(deaf="victim", excused="all", backoff=True, flows_break=True),
    # Lost segments are repeated later than a load's timeout, and so are the API server's.
    Netem: SILENT,
    Corrupted: SILENT,
    Narrow: SILENT,
    DiskFull: Effect(),
    ConntrackFull: Effect(deaf="victim", excused="all"),
    ClockStepped: Effect(),
    CpuBusy: Effect(deaf="victim", excused="all"),
    MemoryShort: Effect(deaf="victim"),
}
"""Endpoints on a node that nobody reaches fail from everywhere: kube-proxy checks none itself."""

TOGETHER: dict[type[Fault], tuple[type[Fault], ...]] = {
    ProxyKilled: (ApiDown, StoreStalled, ApiCut, ClockStepped, ConntrackFull),
    ProxyStopped: (ApiDown, StoreStalled, ApiCut, ClockStepped, ConntrackFull),
    ApiCut: (ClockStepped, ConntrackFull),
    ClockStepped: (ApiDown, StoreStalled, ConntrackFull),
}
"""What may be in force at the same time: faults that still show beside each other."""
