"""A change of kube-proxy's source that some case has to find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clusters.protocol import Mode

VERSION = "v1.37.2"
"""The version whose texts the catalogue changes."""

IPTABLES = "pkg/proxy/iptables/proxier.go"
IPVS = "pkg/proxy/ipvs/proxier.go"
NFTABLES = "pkg/proxy/nftables/proxier.go"


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect, the modes that it breaks, and the ids of the cases that are about it.

    `edits` are {file: (old text, new text)}. A text that is not there exactly once fails the build
    of the defect, so a defect can never silently be none. `in_ci` puts it into the short set that
    `tests/e2e` tries at every change of the project; the whole catalogue is `python -m
    tests.mutation`. `fresh` is for what leaves out something that only the start of kube-proxy
    makes and nothing takes away: nodes on which a whole build ran before would have it still.
    """

    name: str
    modes: tuple[Mode, ...]
    edits: Mapping[str, tuple[str, str]]
    caught_by: tuple[str, ...]
    in_ci: bool = False
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A change that no observer of packets, health ports and metrics can tell, and why."""

    defect: Defect
    reason: str
