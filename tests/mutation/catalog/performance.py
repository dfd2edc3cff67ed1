"""Defects that answer every packet rightly, and cost too much."""

from __future__ import annotations

from clusters.protocol import MODES
from tests.mutation.defect import IPTABLES, IPVS, NFTABLES, Defect

RUNNER = "pkg/proxy/runner/bounded_frequency_runner.go"
SLICES = "pkg/proxy/endpointslicecache.go"

START = "\t// Keep track of how long syncs take.\n\tstart := time.Now()\n"
SLEEP = "\tif !proxier.needFullSync {\n\t\ttime.Sleep(15 * time.Second)\n\t}\n"

DEFECTS = (
    Defect(
        "each change brings about a full sync",
        ("iptables",),
        {
            IPTABLES: (
                "\tdoFullSync := proxier.needFullSync ||\n",
                "\tdoFullSync := proxier.needFullSync || true ||\n",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "each change brings about a full sync of nftables",
        ("nftables",),
        {
            NFTABLES: (
                "\tdoFullSync := proxier.needFullSync || ",
                "\tdoFullSync := proxier.needFullSync || true || ",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in iptables mode",
        ("iptables",),
        {
            IPTABLES: (
                SLEEP,
                f"{SLEEP}\tif !proxier.needFullSync {{ time.Sleep(15 * time.Second) }}\n",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in nftables mode",
        ("nftables",),
        {
            NFTABLES: (
                SLEEP,
                f"{SLEEP}\tif !proxier.needFullSync {{ time.Sleep(15 * time.Second) }}\n",
            )
        },
        ("LOAD-010",),
    ),
    Defect(
        "a sync sleeps for fifteen seconds in ipvs mode",
        ("ipvs",),
        {IPVS: (START, START + SLEEP.replace("needFullSync", "initialSync"))},
        ("LOAD-010",),
    ),
    Defect(
        "a sync is followed by three more",
        MODES,
        {
            RUNNER: (
                "\t\t\terr = bfr.fn()\n",
                "\t\t\tfor range 3 {\n\t\t\t\t_ = bfr.fn()\n\t\t\t}\n\t\t\terr = bfr.fn()\n",
            )
        },
        ("LOAD-010",),
    ),
)
