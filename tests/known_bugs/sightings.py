"""Which known bug is seen with which case, on which build: docs/known-bugs.md as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.mutation.defect import VERSION

if TYPE_CHECKING:
    from clusters.protocol import Mode


@dataclass(frozen=True, slots=True)
class Sighting:
    """A bug that `case` finds in `build` in this mode, and no longer in `fixed`.

    `build` is a released version, unchanged; with `defect`, the name of an entry of
    `tests/mutation/catalog`, it is the version that this was put back into. `fixed` is empty while
    no release has the fix. `issue` is the number in kubernetes/kubernetes.
    """

    bug: str
    issue: int
    mode: Mode
    case: str
    build: str
    fixed: str = VERSION
    defect: str = ""

    @property
    def command(self) -> str:
        """What shows it in one line, on an unchanged build."""
        if self.defect:
            return f'tox -e mutation -- --mode {self.mode} --only "{self.defect}"'
        return f"tox -e {self.mode} -- --kp-build {self.build} --kp-cases {self.case}"

    def __str__(self) -> str:
        return f"{self.bug} ({self.mode}, {self.defect or self.build})"


SIGHTINGS = (
    Sighting("B2", 125467, "iptables", "CT-012", "v1.29.6"),
    Sighting("B3", 126934, "iptables", "CT-012", "v1.31.0"),
    Sighting("B5", 139628, "iptables", "CT-006", "v1.34.4"),
    Sighting("B5", 139628, "nftables", "CT-006", "v1.34.4"),
    Sighting("B6", 141371, "iptables", "CT-007", VERSION, fixed=""),
    Sighting("B6", 141371, "nftables", "CT-007", VERSION, fixed=""),
    Sighting("B7", 122740, "iptables", "LIFE-004", "v1.29.6"),
    Sighting("B7", 122740, "iptables", "LIFE-004", "v1.31.0"),
    Sighting("B8", 126532, "iptables", "CT-005", "v1.29.6"),
    Sighting("B11", 135266, "iptables", "SVC-021", "v1.29.6"),
    Sighting("B11", 135266, "nftables", "SVC-021", "v1.34.4"),
    Sighting("B11", 135266, "ipvs", "SVC-021", "v1.34.4"),
    Sighting(
        "B12", 115825, "ipvs", "ETP-007", VERSION, defect="health checks look at endpoints only"
    ),
    Sighting("B13", 118146, "ipvs", "HLT-002", VERSION, defect="one healthy family is enough"),
    Sighting("B20", 131765, "nftables", "ETP-003", "v1.33.0"),
    Sighting("B21", 134024, "nftables", "NAT-004", "v1.33.0"),
    Sighting("B21", 134024, "nftables", "NAT-004", "v1.34.0", fixed="v1.34.4"),
    Sighting("B23", 139515, "nftables", "SVC-025", "v1.34.4"),
    Sighting("B28", 142183, "nftables", "NP-009", VERSION, fixed=""),
    Sighting(
        "B29",
        117613,
        "ipvs",
        "LB-008",
        VERSION,
        defect="a VIP that the node has is bound once more",
    ),
    Sighting("B30", 121909, "ipvs", "EXT-002", "v1.29.0"),
    Sighting(
        "B31", 119656, "ipvs", "LB-006", VERSION, defect="nodes out of every range are let in"
    ),
    Sighting("B32", 134147, "ipvs", "IPVS-006", "v1.34.0", fixed="v1.34.4"),
    Sighting("B33", 92019, "ipvs", "LIFE-003", VERSION, defect="weights are not reset at a start"),
    Sighting("B43", 129146, "ipvs", "NP-014", VERSION, fixed=""),
    Sighting("B42", 74839, "iptables", "CT-009", VERSION, defect="INVALID packets are let through"),
)
