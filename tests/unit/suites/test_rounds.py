"""Schedulers are spread over the nodes in rounds, each once, and every node is put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from clusters.errors import BuildError
from clusters.protocol import ProxySpec, Ran
from suites.schedulers.rounds import Rounds, spec_for

if TYPE_CHECKING:
    from collections.abc import Sequence

RR = ProxySpec(Path("kube-proxy"), "ipvs")


@dataclass
class Nodes:
    """Two nodes whose kernel lacks some schedulers."""

    lacking: frozenset[str] = frozenset()
    nodes: list[Any] = field(
        default_factory=lambda: [SimpleNamespace(name=name, spec=RR) for name in ("one", "two")]
    )

    def set_proxies(self, specs: dict[str, ProxySpec]) -> None:
        """Take the new specs."""
        for node in self.nodes:
            node.spec = specs.get(node.name, node.spec)

    def run(self, node: Any, argv: Sequence[str]) -> Ran:
        """Answer as ipvsadm does."""
        del node
        return Ran(tuple(argv), 2 * (argv[-1] in self.lacking), "", "")


@dataclass
class Seen:
    """An experiment that notes which schedulers ran together."""

    log: list[list[str]]
    broken: str = ""
    sites: list[str] = field(default_factory=list)

    def run(self, nodes: Sequence[Any]) -> None:
        """Note the schedulers."""
        names = [node.spec.scheduler for node in nodes]
        self.log.append(names)
        if self.broken in names:
            raise AssertionError(f"{self.broken} was not programmed")
        self.sites = [f"site of {name}" for name in names]


def rounds(
    nodes: Nodes, wanted: list[str], broken: str = "-"
) -> tuple[Rounds[str], list[list[str]]]:
    """Make rounds on the nodes, and the log of what ran."""
    log: list[list[str]] = []
    made: Rounds[str] = Rounds(nodes, wanted, lambda: Seen(log, broken))  # type: ignore[arg-type]
    return made, log


def test_each_scheduler_runs_once_with_others_beside_it() -> None:
    """Two nodes take five schedulers in three rounds, whatever is asked first."""
    made, log = rounds(Nodes(), ["dh", "fo", "lc", "mh", "rr"])
    for name in ("lc", "dh", "fo", "mh", "rr", "lc"):
        assert made.site(name) == f"site of {name}"
    assert log == [["lc", "dh"], ["fo", "mh"], ["rr"]]


def test_a_scheduler_that_the_kernel_lacks_is_left_out() -> None:
    """It takes part in no round, and asking for it says so."""
    made, log = rounds(Nodes(frozenset({"twos"})), ["rr", "twos", "wrr"])
    assert made.known == {"rr": True, "twos": False, "wrr": True}
    with pytest.raises(KeyError, match="no scheduler twos"):
        made.site("twos")
    made.site("rr")
    assert log == [["rr", "wrr"]]


def test_a_failure_is_that_of_its_round_alone() -> None:
    """Both schedulers of the round fail with it, without another try; the next round runs."""
    made, log = rounds(Nodes(), ["dh", "fo", "lc"], broken="fo")
    for name in ("dh", "fo", "dh"):
        with pytest.raises(AssertionError, match="fo was not programmed"):
            made.site(name)
    assert made.site("lc") == "site of lc"
    assert log == [["dh", "fo"], ["lc"]]


def test_a_kube_proxy_that_does_not_come_up_fails_its_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A build that refuses a scheduler is not asked for the same one twice."""
    nodes = Nodes()
    made, log = rounds(nodes, ["dh", "fo"])
    asked = []

    def refuse(specs: dict[str, ProxySpec]) -> None:
        asked.append(specs)
        raise BuildError("unknown scheduler", kind="does-not-start", node="one", log="")

    monkeypatch.setattr(nodes, "set_proxies", refuse)
    for name in ("dh", "fo"):
        with pytest.raises(BuildError):
            made.site(name)
    assert len(asked) == 1
    assert log == []


def test_close_puts_every_node_back() -> None:
    """Every kube-proxy has the configuration of before the first round."""
    nodes = Nodes()
    made, _ = rounds(nodes, ["dh", "fo", "lc"])
    made.site("dh")
    made.site("lc")
    assert [node.spec.scheduler for node in nodes.nodes] != ["rr", "rr"]
    made.close()
    assert [node.spec for node in nodes.nodes] == [RR, RR]


def test_a_name_is_a_mode_or_a_scheduler_of_ipvs() -> None:
    """A mode's name runs that mode; any other one is a scheduler, whatever the node ran before."""
    before = ProxySpec(Path("kube-proxy"), "iptables", {"clusterCIDR": "10.0.0.0/8"})
    assert spec_for(before, "nftables").mode == "nftables"
    scheduled = spec_for(before, "lc")
    assert (scheduled.mode, scheduled.scheduler) == ("ipvs", "lc")
    assert scheduled.config["clusterCIDR"] == "10.0.0.0/8"
