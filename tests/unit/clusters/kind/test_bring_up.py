"""Which kernel the containers of a kind cluster get, and what follows from that."""

from __future__ import annotations

import pytest

from clusters.embedded import host_kernel
from clusters.errors import ConfigError
from clusters.kind import bring_up
from clusters.kind.bring_up import KindProvider, kernel_of
from clusters.parts import packages
from clusters.parts.progress import Recorder
from clusters.providers import Request

LACKING = "IP Virtual Server (CONFIG_IP_VS, _RR): Protocol not available"


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a machine whose kernel has all but IPVS and SCTP, and every tool."""
    monkeypatch.setattr(packages, "missing", lambda _needs: [])
    monkeypatch.setattr(host_kernel, "missing", lambda mode: [LACKING] if mode == "ipvs" else [])
    monkeypatch.setattr(bring_up, "serves_sctp", lambda: False)


def test_a_kernel_is_taken_where_the_machines_lacks_something() -> None:
    """Who names none gets the machine's own where it will do; who names one gets that."""
    assert kernel_of(Request(mode="nftables")) == "host"
    assert kernel_of(Request(mode="ipvs")) == "uml"
    assert kernel_of(Request(mode="nftables", kernel="uml")) == "uml"
    assert kernel_of(Request(mode="ipvs", kernel="host")) == "host"


def test_without_tools_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that a run is yet to install says nothing about the kernel."""
    monkeypatch.setattr(packages, "missing", lambda _needs: ["ipvsadm"])
    assert kernel_of(Request(mode="ipvs")) == "host"


def test_a_kernel_of_its_own_has_every_mode() -> None:
    """What the machine's kernel cannot do is a reason for a skip only where it is used."""
    shared = KindProvider().outlook(Request(mode="nftables"))
    assert not {"every-mode", "sctp"} & shared.capabilities
    assert "--kp-kernel uml" in shared.reasons["sctp"]
    assert {"every-mode", "sctp"} <= KindProvider().outlook(Request(mode="ipvs")).capabilities


def test_one_processor_is_for_a_few_nodes() -> None:
    """More nodes than the disk has states for are refused before anything is made."""
    KindProvider().check(Request(mode="ipvs", nodes=6))
    KindProvider().check(Request(mode="nftables", nodes=7))
    with pytest.raises(ConfigError, match=r"--kp-nodes 7: .* 6 nodes at most"):
        KindProvider().check(Request(mode="ipvs", nodes=7))


def test_reports_name_the_kind_of_kernel() -> None:
    """A verdict says what it was found on."""
    assert KindProvider().describe(Request(mode="ipvs", control_plane="v1.34.4")) == (
        "kind (v1.34.4, uml)"
    )


def test_a_kernel_that_was_asked_for_and_cannot_is_refused() -> None:
    """Nothing is made for a mode that the machine's kernel lacks, and it says what to type."""
    request = Request(mode="ipvs", kernel="host", control_plane="v1.34.4")
    with pytest.raises(ConfigError, match=r"lacks IP Virtual Server.*Use --kp-kernel uml"):
        KindProvider().prepare(request, Recorder())
